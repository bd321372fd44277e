//! Texts whose right answers are known, for measuring the algorithms against their baselines.
//!
//! The topics share words on purpose (salt, roots, stars, hosts, a table, a bed, health), and the queries are as people type
//! them: other forms of a document's words (`kneading`, `slug`), some of its words among others, or hardly any.

/// Topics, eight documents each, in the order of [`DOCUMENTS`].
pub(super) const TOPICS: usize = 5;
/// Documents of a topic.
pub(super) const PER_TOPIC: usize = 8;

/// Baking, astronomy, gardening, networks, health.
pub(super) const DOCUMENTS: [&str; TOPICS * PER_TOPIC] = [
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
];

/// A query, and its documents: what they are worth to whoever asked (2: the answer, 1: helps).
pub(super) type Query = (&'static str, &'static [(usize, f32)]);

/// Eight queries a topic.
pub(super) const QUERIES: [Query; TOPICS * PER_TOPIC] = [
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
];

/// What a reader said about what they like; the topics in their order. Right are the documents of the topic.
pub(super) const INTERESTS: [&str; TOPICS] = [
    "I bake my own bread: yeast dough, flour, a hot oven, now and then a cake.",
    "Planets and stars, the Moon and the Sun, seen through my telescope.",
    "My garden: the soil, the roots, sowing and watering plants.",
    "Servers and networks, how packets find their host and connections open.",
    "Diseases and infections, blood pressure, what a doctor tells patients.",
];

/// Documents said again in other words, and which they repeat: a reader of the one has no use for the other.
pub(super) const REPEATED: [(usize, &str); 10] = [
    (0, "Knead dough ten minutes, until it's smooth and elastic, then cover and let it rise in a warm kitchen."),
    (1, "Sourdough starters are fed daily with flour and water: the wild yeast stays lively enough to raise bread."),
    (9, "A telescope whose mirror is larger gathers more light and shows fainter galaxies; air above an observatory blurs them."),
    (13, "Astronomers find the planets of other stars by the tiny dimming of a star's light when one passes before it."),
    (16, "Tomato seeds are sown indoors in March; plant seedlings out into the garden bed after the last frost."),
    (18, "Compost from kitchen scraps and dry leaves feeds soil, keeping it loose enough for roots."),
    (25, "Firewalls that block UDP packets force connections onto a relay server over TCP."),
    (31, "Each packet carries its host's address; routers look it up in a table and send it on to the next network."),
    (34, "Fever shows the body is fighting an infection; rest, drink much and see the doctor if it lasts for three days."),
    (36, "Adults sleeping less than six hours a night concentrate badly and run a higher risk of heart disease."),
];

/// Two texts and how alike they are in meaning, 0 to 5.
pub(super) type Pair = (&'static str, &'static str, f32);

/// From the same thing said twice to nothing in common; some mislead by their words, some by their length.
pub(super) const PAIRS: [Pair; 24] = [
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
];
