//! Texts whose right answers are known, for measuring the algorithms against their baselines.
//!
//! Topics share words on purpose (salt, roots, hosts, a flat, strings), and the queries are as people type them: other forms of
//! a document's words (`kneading`, `slug`), some of its words among others, or hardly any.

/// Documents of a few topics, and what is right about them.
pub(super) struct Labelled {
    pub(super) name: &'static str,
    /// Of the first topic, then of the second, …
    pub(super) documents: &'static [&'static str],
    /// Documents of each topic.
    pub(super) per_topic: usize,
    pub(super) queries: &'static [Query],
    /// For each topic what a reader said about what they like. Right are the documents of the topic.
    pub(super) interests: &'static [&'static str],
    /// Documents said again in other words, and which they repeat: a reader of the one has no use for the other.
    pub(super) repeated: &'static [(usize, &'static str)],
    pub(super) pairs: &'static [Pair],
}

/// A query, and its documents: what they are worth to whoever asked (2: the answer, 1: helps).
pub(super) type Query = (&'static str, &'static [(usize, f32)]);

/// Two texts and how alike they are in meaning, 0 to 5: from the same thing said twice to nothing in common. Some mislead by
/// their words, some by their length.
pub(super) type Pair = (&'static str, &'static str, f32);

/// Baking, astronomy, gardening, networks, health. The weights of the algorithms were chosen with these at hand.
pub(super) const KNOWN: Labelled = Labelled {
    name: "known texts",
    per_topic: 8,
    documents: &[
        "Knead the dough for ten minutes until it is smooth and elastic, then cover it and let it rise in a warm kitchen.",
        "A sourdough starter is fed every day with flour and water, so that its wild yeast stays lively enough to raise bread.",
        "Bake the loaf in a very hot oven with a tray of steaming water; the steam keeps the crust soft while the bread rises.",
        "Rye flour has little gluten, so a rye dough stays sticky and its loaf turns out denser than one of wheat.",
        "For a sponge cake, whisk eggs and sugar until pale and fold the flour in gently, or the batter loses its air.",
        "Butter folded into yeast dough again and again makes the layers of a croissant; keep it cold between the turns.",
        "Salt slows the yeast down and strengthens the gluten; dough without it rises fast and tastes flat.",
        "Cool cookies on a rack after baking: left on the hot tray, they go on browning and the sugar sets hard.",
        "Mercury, the smallest planet, circles the Sun in eighty-eight days, and its thin atmosphere cannot hold warmth at night.",
        "A telescope with a larger mirror gathers more light and shows fainter galaxies, but air above the observatory blurs them.",
        "During a total solar eclipse the Moon covers the bright disc of the Sun, and the corona becomes visible for minutes.",
        "A massive star ends as a supernova and leaves a neutron star or a black hole, from which no light escapes.",
        "The rings of Saturn are countless pieces of ice and rock that orbit the planet in a sheet thinner than a house.",
        "Astronomers find planets of other stars by the tiny dimming of the star's light when one passes in front of it.",
        "A comet grows its tail when sunlight heats the frozen core and blows gas and dust away from the Sun.",
        "The Moon always shows us the same face, because it turns once on its axis in each orbit of the Earth.",
        "Sow tomato seeds indoors in March, and plant the seedlings out into the garden bed after the last frost.",
        "Prune rose bushes in late winter, cutting each stem just above a bud that faces outward.",
        "Compost made of kitchen scraps and dry leaves feeds the soil and keeps it loose enough for roots.",
        "Water the garden early in the morning: less evaporates, and the leaves of the plants dry before night.",
        "Slugs eat young lettuce plants at night; a ring of sharp sand around the bed keeps them away.",
        "Clover sown between crops adds nitrogen to a poor soil, and its roots hold the earth in winter.",
        "Bees pollinate apple and cherry blossoms, so plant wild flowers in the grass around fruit trees.",
        "Repot a plant when its roots circle the bottom of the pot, and give it fresh soil and water.",
        "Two browsers open a peer connection by exchanging an offer and an answer through a signaling server.",
        "A firewall that blocks UDP packets forces the connection onto a relay server over TCP.",
        "The resolver caches the address that a DNS server gave for a host name until its time to live runs out.",
        "A client trusts the certificate of a server when its chain leads to a root authority that the browser knows.",
        "Packets lost on a congested network are sent again, and the sender slows its connection down.",
        "A load balancer spreads requests over several servers and takes a server out when its health check fails.",
        "Compressed responses save bandwidth on a slow network, but cost processor time on the server.",
        "Every packet carries the address of its host; a router looks it up in a table and sends it on to the next network.",
        "Regular exercise lowers blood pressure and strengthens the heart; even brisk walking helps patients.",
        "Wash your hands with soap for twenty seconds, since most infections spread from hand to mouth.",
        "A fever shows that the body fights an infection; rest, drink much, and see a doctor if it lasts three days.",
        "A vaccine trains the immune system to recognise a virus before the body has met the disease.",
        "Adults who sleep less than six hours a night concentrate badly and have a higher risk of heart disease.",
        "A sprained ankle heals faster with ice, a tight bandage and a few days of rest, the doctor advises.",
        "Too much salt and sugar in the diet raises blood pressure and the risk of diabetes.",
        "Pollen makes patients with an allergy sneeze in spring; their immune system takes it for a disease.",
    ],
    queries: &[
        ("how long does kneading take", &[(0, 2.0)]),
        ("feeding my sourdough starters", &[(1, 2.0)]),
        ("steam in the oven for a soft crust", &[(2, 2.0)]),
        ("why are rye loaves so dense and sticky", &[(3, 2.0)]),
        ("beating eggs for a sponge", &[(4, 2.0)]),
        ("croissants with buttery layers", &[(5, 2.0)]),
        ("salting a dough: what it does to gluten", &[(6, 2.0), (3, 1.0)]),
        ("where should baked cookies cool", &[(7, 2.0)]),
        ("the planet nearest to the sun", &[(8, 2.0)]),
        ("which telescopes show faint galaxies", &[(9, 2.0)]),
        ("eclipses of the sun", &[(10, 2.0)]),
        ("what becomes of stars: supernovae and black holes", &[(11, 2.0)]),
        ("Saturn's ring", &[(12, 2.0)]),
        ("astronomical search for a planet around another star", &[(13, 2.0)]),
        ("dusty tails of comets", &[(14, 2.0)]),
        ("far side of the moon and its rotation", &[(15, 2.0), (10, 1.0)]),
        ("growing tomatoes from seed", &[(16, 2.0)]),
        ("pruning roses", &[(17, 2.0)]),
        ("composting a leaf or scrap", &[(18, 2.0)]),
        ("watering the gardens at which time of day", &[(19, 2.0)]),
        ("keep a slug off the lettuces", &[(20, 2.0)]),
        ("enriching soils with nitrogen", &[(21, 2.0), (18, 1.0)]),
        ("pollination of apples", &[(22, 2.0)]),
        ("plants that are root bound in small pots", &[(23, 2.0)]),
        ("connecting a browser to its peer", &[(24, 2.0), (25, 1.0)]),
        ("blocked by firewalls", &[(25, 2.0)]),
        ("caching of DNS addresses", &[(26, 2.0)]),
        ("which certificates are trustworthy", &[(27, 2.0)]),
        ("losing packets to congestion", &[(28, 2.0)]),
        ("balancing load between servers", &[(29, 2.0)]),
        ("compress a response or not", &[(30, 2.0)]),
        ("routing tables", &[(31, 2.0)]),
        ("is exercising good for hearts", &[(32, 2.0), (36, 1.0)]),
        ("hand washing", &[(33, 2.0)]),
        ("feverish after infections", &[(34, 2.0), (33, 1.0)]),
        ("vaccination against viruses", &[(35, 2.0)]),
        ("sleeping too little", &[(36, 2.0)]),
        ("treatment of a sprain", &[(37, 2.0)]),
        ("salty and sugary diets", &[(38, 2.0)]),
        ("allergies to pollens", &[(39, 2.0)]),
    ],
    interests: &[
        "I bake my own bread: yeast dough, flour, a hot oven, now and then a cake.",
        "Planets and stars, the Moon and the Sun, seen through my telescope.",
        "My garden: the soil, the roots, sowing and watering plants.",
        "Servers and networks, how packets find their host and connections open.",
        "Diseases and infections, blood pressure, what a doctor tells patients.",
    ],
    repeated: &[
        (0, "Knead dough ten minutes, until it's smooth and elastic, then cover and let it rise in a warm kitchen."),
        (1, "Sourdough starters are fed daily with flour and water: the wild yeast stays lively enough to raise bread."),
        (
            9,
            "A telescope whose mirror is larger gathers more light and shows fainter galaxies; air above an observatory blurs them.",
        ),
        (13, "Astronomers find the planets of other stars by the tiny dimming of a star's light when one passes before it."),
        (16, "Tomato seeds are sown indoors in March; plant seedlings out into the garden bed after the last frost."),
        (18, "Compost from kitchen scraps and dry leaves feeds soil, keeping it loose enough for roots."),
        (25, "Firewalls that block UDP packets force connections onto a relay server over TCP."),
        (31, "Each packet carries its host's address; routers look it up in a table and send it on to the next network."),
        (34, "Fever shows the body is fighting an infection; rest, drink much and see the doctor if it lasts for three days."),
        (36, "Adults sleeping less than six hours a night concentrate badly and run a higher risk of heart disease."),
    ],
    pairs: &[
        ("A man is playing a guitar.", "A man plays the guitar.", 5.0),
        ("The server is restarting.", "The server restarts.", 5.0),
        ("Children are swimming in the lake.", "Kids swim in a lake.", 4.5),
        ("The bank raised its interest rates.", "I have no interest in the bank of that river.", 0.5),
        ("A dog chases the ball across the lawn.", "The dog is chasing a ball over the grass.", 4.5),
        ("How do I install the package?", "Installing packages, step by step", 4.0),
        ("The meeting was moved to Thursday.", "They moved Thursday's meeting.", 3.5),
        ("He turned the light on.", "The suitcase is very light.", 0.5),
        ("The train to Vienna leaves at nine.", "Departures of trains for Vienna", 3.5),
        ("A woman slices an onion.", "Onions are being sliced by a woman in a kitchen.", 4.0),
        ("Heavy rain flooded the streets.", "Streets were under water after the rainfall.", 4.0),
        ("The cat sat on the mat.", "The rat ate all the bread.", 0.5),
        ("Prices of oil rose sharply.", "The oil price is rising.", 4.5),
        ("The film was boring.", "A boring movie.", 4.5),
        ("She is learning to drive.", "She takes driving lessons.", 4.0),
        ("Please close the window.", "Please open a new window.", 2.0),
        ("The committee rejected the proposal.", "The proposal was rejected by a committee.", 5.0),
        ("Two birds sit on a wire.", "A bird on the wire.", 3.5),
        ("Farmers harvest wheat in July.", "Wheat harvesting", 3.5),
        ("The red car is parked outside.", "Stock markets in Asia fell on Monday.", 0.0),
        ("Clean the filter once a month.", "Monthly cleaning of filters", 4.5),
        ("Vitamin C is found in oranges.", "The museum is closed on public holidays.", 0.0),
        ("The phone's battery is empty.", "My telephone needs charging.", 3.5),
        ("A long walk along the beach at sunset.", "The compiler reports an unused variable.", 0.0),
    ],
};

/// Music, cycling, renting, the sea. Written after the weights were chosen, and not to be used for choosing any: they say
/// whether what was learnt from the others holds.
pub(super) const UNSEEN: Labelled = Labelled {
    name: "unseen texts",
    per_topic: 6,
    documents: &[
        "The violinist tunes her four strings before the orchestra plays the first note.",
        "A minor chord sounds sad, a major chord cheerful, though only one note lies between them.",
        "Drummers keep the rhythm of the band and must not hurry when the song grows loud.",
        "A piano has eighty-eight keys, and each of them throws a felt hammer against strings.",
        "Singers warm up their voices with scales before a concert and drink no cold water.",
        "The conductor leads the orchestra with a baton and decides how fast a symphony goes.",
        "Pump the tyres of your bicycle every other week; a soft tyre wears out and is punctured sooner.",
        "The chain of a bike needs oil after rides in the rain, or it begins to rust.",
        "Commuters who cycle to work are ill less often than those who drive a car.",
        "Disc brakes stop a wheel in the wet as well as in the dry, rim brakes do not.",
        "The night train carries bicycles in a carriage of its own; reserve a place for yours.",
        "A helmet protects the head of a cyclist only if its straps are tight.",
        "The landlord must return the deposit within a month after the tenant has moved out.",
        "A tenant may reduce the rent while the heating of the flat is broken in winter.",
        "The contract of a lease names the rent, the deposit and the notice period.",
        "Neighbours who play loud music after ten at night break the rules of the house.",
        "Whoever buys a house pays a tax on the price and the fee of the notary.",
        "A court decides when landlord and tenant cannot agree about repairs.",
        "Whales are mammals: they breathe air and feed their young with milk.",
        "An octopus has three hearts and changes the colour of its skin to hide.",
        "Sharks smell blood in the water from far away, but rarely attack people.",
        "Coral reefs bleach when the sea grows too warm, and the fish that live there leave.",
        "Salmon swim up the river where they were born to lay their eggs.",
        "Sea turtles lay eggs in the sand of the beach; the young run to the water at night.",
    ],
    queries: &[
        ("tuning a violin", &[(0, 2.0)]),
        ("difference between major and minor chords", &[(1, 2.0)]),
        ("drummer who rushes", &[(2, 2.0)]),
        ("how do piano keys make a sound", &[(3, 2.0)]),
        ("warming up before singing", &[(4, 2.0)]),
        ("what does a conductor do", &[(5, 2.0)]),
        ("flat tyre", &[(6, 2.0)]),
        ("oiling the bike chain", &[(7, 2.0)]),
        ("is cycling to work healthy", &[(8, 2.0)]),
        ("braking in the rain", &[(9, 2.0)]),
        ("taking a bike on the train", &[(10, 2.0)]),
        ("cycling helmets", &[(11, 2.0)]),
        ("when do I get my deposit back", &[(12, 2.0), (14, 1.0)]),
        ("heater broken, can I pay less rent", &[(13, 2.0)]),
        ("what is in a rental contract", &[(14, 2.0)]),
        ("noisy neighbour", &[(15, 2.0)]),
        ("taxes when buying houses", &[(16, 2.0)]),
        ("dispute over a repair", &[(17, 2.0)]),
        ("do whales breathe", &[(18, 2.0)]),
        ("octopuses camouflage", &[(19, 2.0)]),
        ("are sharks dangerous", &[(20, 2.0)]),
        ("coral bleaching", &[(21, 2.0)]),
        ("migration of salmon", &[(22, 2.0)]),
        ("turtle eggs on beaches", &[(23, 2.0), (22, 1.0)]),
    ],
    interests: &[
        "Concerts and orchestras; I play the piano and like to sing.",
        "My bike: rides in the rain, brakes, tyres and chains.",
        "Renting a flat, what landlords and tenants may do.",
        "Life in the sea: fish, whales and reefs.",
    ],
    repeated: &[
        (3, "Eighty-eight keys of a piano each throw a hammer of felt against the strings."),
        (7, "A bike's chain must be oiled after rainy rides, or it will begin to rust."),
        (12, "Within a month after the tenant moved out, the landlord has to return the deposit."),
        (19, "Octopuses have three hearts and change their skin's colour to hide."),
    ],
    pairs: &[
        ("The boy kicks a football.", "A football is kicked by a boy.", 5.0),
        ("She bought apples at the market.", "She sells cars.", 0.5),
        ("Opening hours of the library", "When does the library open?", 4.5),
        ("The spring of the clock is broken.", "Flowers bloom in spring.", 0.5),
        ("Turn left after the bridge.", "After the bridge, turn right.", 2.5),
        ("The lecture was cancelled.", "Cancellation of lectures", 4.0),
        ("I am freezing.", "The weather is cold.", 3.0),
        ("Translate this sentence into French.", "French translation of a sentence", 4.0),
        ("The dog barked all night.", "The barking of the dog kept us awake.", 3.5),
        ("A recipe for pancakes", "The president gave a speech.", 0.0),
        ("The password has expired.", "Your password is no longer valid.", 4.5),
        ("Volcanoes erupted in Iceland.", "An Icelandic volcano's eruption", 4.5),
    ],
};

/// Paragraphs in each topic of [`PARAGRAPHS`].
pub(super) const PARAGRAPHS_PER_TOPIC: usize = 6;

/// Coffee, hiking, football, money; written after the weights were chosen, like [`UNSEEN`].
pub(super) const PARAGRAPHS: [&str; 4 * PARAGRAPHS_PER_TOPIC] = [
    "Coffee tastes best when the beans are ground just before brewing. A coarse grind suits a French press, a fine one espresso. \
     Old beans lose their aroma within weeks.",
    "The barista pulls a shot of espresso in half a minute. If the coffee runs faster, the grind is too coarse and the cup is \
     sour; slower, and it turns bitter.",
    "Arabica grows high in the mountains and is mild. Robusta has more caffeine and makes a bitter, strong cup; many espresso \
     blends mix both beans.",
    "Roasting turns green beans brown and brings out their aroma. A light roast keeps the acids, while a dark one makes the \
     coffee bitter and oily.",
    "Cold brew steeps coarse grounds in cold water overnight. The coffee is low in acid, keeps for days in the fridge and is \
     served over ice.",
    "Milk for a cappuccino is steamed until it is glossy. Poured slowly into the espresso, the foam draws a leaf on the coffee.",
    "The trail climbs through the forest to a hut below the summit. Hikers rest there before the last steep hour over rocks.",
    "Good boots matter more on a hike than a light pack. Walk them in before the tour, or blisters will end it on the first \
     climb.",
    "In the mountains the weather turns within an hour. Hikers should carry a rain jacket and turn back when thunder is heard \
     near the ridge.",
    "A map and a compass work where a phone has no signal. Mark the huts, springs and steep passages of the trail before you \
     leave.",
    "The long distance path crosses three passes in a week. Most hikers sleep in huts, some carry a tent and camp beside the \
     lakes.",
    "Poles take the load off the knees on a steep descent. On the way up to the summit many hikers strap them to the pack.",
    "The striker scored twice before half-time. In the second half the home team defended deep, and the goalkeeper saved a \
     penalty in the last minute.",
    "A player is offside when only one defender stands between him and the goal line as the ball is passed. The referee asks \
     the video for help.",
    "The coach changed the team after three defeats. A younger midfielder passes the ball faster, and the strikers get more \
     chances in front of the goal.",
    "The cup final went to penalties after extra time. The goalkeeper of the smaller club stopped two, and its fans ran onto \
     the pitch.",
    "Yellow cards add up: whoever gets five must miss a match. The referee shows red at once for a foul that stops a clear \
     chance at goal.",
    "The league table is led by a club that has not lost a match this season. Its defenders let in nine goals, fewer than any \
     other team.",
    "The central bank raised interest rates again to slow inflation. Loans become dearer, and savings accounts pay a little \
     more.",
    "Whoever takes a loan pays back the sum with interest. A long term lowers the monthly payment, but the bank earns more in \
     the end.",
    "Shares may rise and fall within days. A fund that holds the shares of many companies spreads the risk for those who save \
     for years.",
    "Inflation eats savings: if prices rise faster than the interest on an account, its owner can buy less every year.",
    "Open an account with a bank that charges no monthly fee. Card payments abroad cost extra, and so does cash from the \
     machines of other banks.",
    "The tax office wants a share of dividends and interest. Up to a small sum savings are free of tax if the bank has been \
     told.",
];
