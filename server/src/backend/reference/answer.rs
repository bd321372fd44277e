//! What to say: a handful of things that can be done well with the caller's own words.

use std::fmt::Write;

use tabagent_protocol::api::{ChatMessage, MessageRole, System, TABLE};

use super::words::{key_words, sentences, tokens, weights, words};

/// Characters of a passage repeated from the caller.
const PASSAGE: usize = 300;
/// Key words named.
const KEY_WORDS: usize = 8;

/// The latest message of the user; what a conversation is answered by.
pub(super) fn last_user(messages: &[ChatMessage]) -> &str {
    let last = messages.iter().rev().find(|message| message.role == MessageRole::User).or(messages.last());
    last.map_or("", |message| &message.content)
}

/// Answers the latest message. `longest` is the number of tokens anybody will read.
pub(super) fn answer<'m>(messages: &[ChatMessage], longest: u32, machine: impl FnOnce() -> &'m System) -> String {
    let asked = last_user(messages);
    let wish = Wish::new(asked);
    let subject = || subject(asked, messages);
    if let Some((from, to)) = wish.count() {
        return count(from, to, longest);
    }
    if let Some(text) = wish.repeat() {
        return text.to_owned();
    }
    if wish.begins(&["summarise", "summarize", "summary", "tl dr"]) {
        return summary(&subject());
    }
    if wish.begins(&["quote"]) {
        return quote(&subject());
    }
    if wish.names(&["key words", "keywords", "key word", "keyword"]) {
        return format!("Key words: {}.", listed(&key_words(&subject(), KEY_WORDS)));
    }
    if wish.names(&["how many words", "count the words", "word count", "number of words"]) {
        return measure(&subject());
    }
    if wish.names(&["did i say", "have i said", "did i ask", "my first message"]) {
        return recall(messages);
    }
    if wish.flat == " help " || wish.names(&["what can you do", "who are you", "what are you", "what can this server"]) {
        return abilities();
    }
    if wish.names(&["machine", "computer", "cpu", "processor", "memory", "hardware", "operating system"]) {
        return describe(machine());
    }
    if wish.begins(&["hello", "hi", "hey", "good morning", "good evening"]) {
        return "Hello! I answer from your own words. Ask me what I can do, or give me a text to summarise.".to_owned();
    }
    reflect(asked)
}

/// The latest message, prepared for being recognised.
struct Wish<'a> {
    text: &'a str,
    /// Words in small letters, one blank apart, a blank at either end: whole words can be searched for.
    flat: String,
}

impl<'a> Wish<'a> {
    fn new(text: &'a str) -> Self {
        // What is wished stands at the beginning; a whole book may follow.
        let head: String = text.chars().take(PASSAGE).collect();
        let mut flat = String::from(" ");
        for word in words(&head) {
            flat += &word.to_lowercase();
            flat.push(' ');
        }
        Self { text: text.trim(), flat }
    }

    fn begins(&self, beginnings: &[&str]) -> bool {
        let polite = self.flat.trim_start().trim_start_matches("can you ").trim_start_matches("please ");
        beginnings.iter().any(|beginning| polite.strip_prefix(beginning).is_some_and(|rest| rest.starts_with(' ')))
    }

    fn names(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.flat.contains(&format!(" {phrase} ")))
    }

    /// `count to 10`, `count from 5 up to 20`.
    fn count(&self) -> Option<(u64, u64)> {
        let (_, after) = self.flat.split_once(" count ")?;
        let number_after = |name: &str| {
            let words: Vec<_> = after.split(' ').collect();
            words.windows(2).find(|pair| pair[0] == name).and_then(|pair| pair[1].parse::<u64>().ok())
        };
        Some((number_after("from").unwrap_or(1), number_after("to")?))
    }

    /// `repeat after me: …`, `say …`, `echo …`.
    fn repeat(&self) -> Option<&'a str> {
        if !self.begins(&["repeat", "say", "echo"]) {
            return None;
        }
        let rest = self.text.split_once(':').or_else(|| self.text.split_once(' ')).map(|(_, rest)| rest.trim())?;
        (!rest.is_empty()).then_some(rest)
    }
}

/// The text a wish is about: what follows a colon or a line break, else what the user said before, else the wish itself.
fn subject(asked: &str, messages: &[ChatMessage]) -> String {
    let below = asked.split_once([':', '\n']).map(|(_, rest)| rest.trim()).filter(|rest| !rest.is_empty());
    if let Some(below) = below {
        return below.to_owned();
    }
    let earlier: Vec<_> =
        messages.iter().filter(|message| message.role == MessageRole::User).map(|m| m.content.as_str()).collect();
    match earlier.as_slice() {
        [earlier @ .., _] if !earlier.is_empty() => earlier.join("\n"),
        _ => asked.to_owned(),
    }
}

fn count(from: u64, to: u64, longest: u32) -> String {
    let mut text = String::new();
    for (i, n) in (from..=to).take(longest as usize + 1).enumerate() {
        let blank = if i == 0 { "" } else { " " };
        let _ = write!(text, "{blank}{n}");
    }
    text
}

/// The sentences whose words the text uses most, in their order; a third of them, three at most.
fn summary(text: &str) -> String {
    let weights = weights(text);
    let all = sentences(text);
    let weight = |sentence: &str| {
        let of_words: Vec<_> = words(sentence).map(|word| weights.get(&word.to_lowercase()).copied().unwrap_or(0)).collect();
        of_words.iter().sum::<usize>() * 1000 / (of_words.len() + 3)
    };
    let mut ranked: Vec<usize> = (0..all.len()).collect();
    ranked.sort_by_key(|&i| std::cmp::Reverse(weight(all[i])));
    ranked.truncate(all.len().div_ceil(3).min(3));
    ranked.sort_unstable();
    let told: Vec<_> = ranked.iter().map(|&i| passage(all[i])).collect();
    format!("In short: {} ({} of {} sentences.)", told.join(" "), told.len(), all.len())
}

fn quote(text: &str) -> String {
    let longest = sentences(text).into_iter().max_by_key(|sentence| weights(sentence).len());
    format!("You wrote: \"{}\"", passage(longest.unwrap_or(text.trim())))
}

fn measure(text: &str) -> String {
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let parts = [
        count(words(text).count(), "word"),
        count(sentences(text).len(), "sentence"),
        count(text.chars().count(), "character"),
        count(tokens(text).count(), "token"),
    ];
    format!("That is {}.", listed(&parts))
}

fn recall(messages: &[ChatMessage]) -> String {
    let said: Vec<_> = messages.iter().filter(|message| message.role == MessageRole::User).collect();
    let mut text = format!("You have said {} things so far:", said.len());
    for (i, message) in said.iter().enumerate() {
        let _ = write!(text, "\n{}. {}", i + 1, passage(&message.content));
    }
    text
}

fn abilities() -> String {
    let mut text = "I am the reference model: no neural network, the same answer every time, made of your own words. \
                    I can summarise, quote, repeat, measure and find the key words of a text, recall what you said, \
                    count (\"Count to 100\"), and describe this machine. Beyond chat, this server answers:"
        .to_owned();
    for info in TABLE {
        let _ = write!(text, "\n- {}: {}", info.name, info.description);
    }
    text
}

/// What does not change from one moment to the next, so that the answer does not either.
fn describe(system: &System) -> String {
    let gibibytes = system.memory.total_bytes as f64 / f64::from(1 << 30);
    format!(
        "This machine runs {} on {}. Processor: {}, {} cores, {} threads. Memory: {gibibytes:.1} GiB.",
        system.os, system.arch, system.cpu.model, system.cpu.cores, system.cpu.threads
    )
}

fn reflect(asked: &str) -> String {
    let first = sentences(asked).first().copied().unwrap_or_default();
    let about = match key_words(asked, KEY_WORDS).as_slice() {
        [] => "I see no word in it that says what it is about.".to_owned(),
        found => format!("It seems to be about {}.", listed(found)),
    };
    format!(
        "You said: \"{}\" {} {about} I have no model behind me to say more than your words do. \
         Ask me to summarise or quote a text, for its key words, to count to a number, or what this machine is.",
        passage(first),
        measure(asked)
    )
}

fn passage(text: &str) -> String {
    match text.char_indices().nth(PASSAGE) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

fn listed(parts: &[String]) -> String {
    match parts {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [firsts @ .., last] => format!("{} and {last}", firsts.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::machine;

    fn user(content: &str) -> ChatMessage {
        ChatMessage { role: MessageRole::User, content: content.to_owned(), name: None }
    }

    fn ask(said: &[&str]) -> String {
        let messages: Vec<_> = said.iter().map(|content| user(content)).collect();
        let system = machine::look();
        answer(&messages, 1000, || &system)
    }

    const STORY: &str = "The old lighthouse stood on the cliff. Birds flew by. The lighthouse keeper lit the lighthouse lamp \
                         every night. It rained. Ships were thankful. The end was near.";

    #[test]
    fn it_counts() {
        assert_eq!(ask(&["Count to 5"]), "1 2 3 4 5");
        assert_eq!(ask(&["Please count from 8 up to 11, slowly."]), "8 9 10 11");
        assert_eq!(ask(&["count to 99999999999"]).split(' ').count(), 1001);
        assert_eq!(ask(&["count from 5 to 1"]), "");
    }

    #[test]
    fn it_summarises_and_quotes_what_follows_or_what_was_said() {
        let summary = ask(&[&format!("Summarise: {STORY}")]);
        assert!(summary.contains("lighthouse lamp") && summary.contains("2 of 6 sentences"), "{summary}");
        assert_eq!(ask(&[STORY, "Please summarize that"]), summary);
        assert!(ask(&[&format!("Quote me:\n{STORY}")]).contains("lighthouse keeper lit"));
    }

    #[test]
    fn it_repeats_measures_and_finds_key_words() {
        assert_eq!(ask(&["Repeat after me: one two"]), "one two");
        assert_eq!(ask(&["Say cheese"]), "cheese");
        assert!(ask(&["How many words are in: one two. Three"]).starts_with("That is 3 words, 2 sentences,"));
        assert!(ask(&[&format!("The keywords of: {STORY}")]).starts_with("Key words: lighthouse, "));
    }

    #[test]
    fn it_recalls_the_conversation_and_knows_itself_and_the_machine() {
        assert!(ask(&["I like tea.", "What did I say?"]).contains("1. I like tea."));
        assert!(ask(&["What can you do?"]).contains("- embeddings: "));
        assert!(ask(&["Which processor do you run on?"]).contains("GiB"));
        assert!(ask(&["Hello there"]).starts_with("Hello!"));
        assert!(ask(&["History repeats itself."]).starts_with("You said: "));
    }

    #[test]
    fn it_has_something_to_say_to_anything() {
        let reply = ask(&["Rust makes servers fast. Rust is safe."]);
        assert!(reply.contains("\"Rust makes servers fast.\"") && reply.contains("about rust, "), "{reply}");
        for odd in ["", "   ", "?!", "🦀", &"x".repeat(100_000), "repeat", "count to"] {
            assert!(ask(&[odd]).chars().count() > 40, "{odd:.9}");
        }
    }
}
