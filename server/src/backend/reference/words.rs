//! Words, sentences, tokens: what the reference models know of language.

use std::{collections::HashMap, ops::RangeInclusive};

/// Letters of the longest token; a longer word is several.
const TOKEN_LETTERS: usize = 16;

/// Letters of a group. Of 3 to 6, these find the right text most often for other forms of its words.
const GROUP_LETTERS: RangeInclusive<usize> = 3..=4;

/// English words that say nothing about what a text is about, sorted.
const COMMON: &[&str] = &[
    "a", "about", "all", "also", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by", "can", "could", "did", "do",
    "does", "for", "from", "had", "has", "have", "he", "her", "his", "how", "i", "if", "in", "into", "is", "it", "its", "just",
    "like", "me", "more", "most", "my", "no", "not", "of", "on", "one", "only", "or", "our", "out", "please", "she", "so",
    "some", "than", "that", "the", "their", "them", "then", "there", "these", "they", "this", "to", "up", "us", "was", "we",
    "were", "what", "when", "where", "which", "who", "why", "will", "with", "would", "you", "your",
];

/// Cuts a text into tokens, which joined are the text: a word or a sign, with the blanks before it.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (token, after) = rest.split_at(token_end(rest));
        rest = after;
        (!token.is_empty()).then_some(token)
    })
}

fn token_end(text: &str) -> usize {
    let blanks = text.len() - text.trim_start().len();
    let body = &text[blanks..];
    let letters = body.chars().take(TOKEN_LETTERS).take_while(|c| c.is_alphanumeric());
    let word: usize = letters.map(char::len_utf8).sum();
    let sign = body.chars().next().map_or(0, char::len_utf8);
    blanks + if word > 0 { word } else { sign }
}

/// The words of a text as they are written, without signs.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'').map(|word| word.trim_matches('\'')).filter(|word| !word.is_empty())
}

/// A word's groups of 3 and of 4 letters, its edges counting as letters: what `bake`, `baking` and `baked` have in common.
/// They take the place of a stemmer, and serve any language.
pub(super) struct Groups {
    edged: String,
    /// Where its letters start, and its end.
    starts: Vec<usize>,
}

impl Groups {
    /// Of a word in small letters.
    pub(super) fn of(word: &str) -> Self {
        let edged = format!("^{word}$");
        let starts = edged.char_indices().map(|(at, _)| at).chain([edged.len()]).collect();
        Self { edged, starts }
    }

    /// At least one for any word.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        GROUP_LETTERS.flat_map(move |size| self.starts.windows(size + 1).map(move |ends| &self.edged[ends[0]..ends[size]]))
    }
}

/// Whether a word, in small letters, says nothing about what a text is about.
pub(super) fn is_common(word: &str) -> bool {
    COMMON.binary_search(&word).is_ok()
}

/// Bytes of the table of words that say nothing.
pub(super) fn table_bytes() -> u64 {
    (size_of_val(COMMON) + COMMON.iter().map(|word| word.len()).sum::<usize>()) as u64
}

/// The sentences of a text, trimmed, with their final signs.
pub(super) fn sentences(text: &str) -> Vec<&str> {
    let ends_with_sign = |before: &str| before.ends_with(['.', '!', '?']);
    let mut sentences = Vec::new();
    let mut start = 0;
    for (at, c) in text.char_indices() {
        if c == '\n' || (c.is_whitespace() && ends_with_sign(&text[start..at])) {
            sentences.push(text[start..at].trim());
            start = at;
        }
    }
    sentences.push(text[start..].trim());
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

/// How often each word that says something is used, in small letters.
pub(super) fn weights(text: &str) -> HashMap<String, usize> {
    let mut weights = HashMap::new();
    for word in words(text).map(str::to_lowercase) {
        if word.chars().count() > 1 && !is_common(&word) {
            *weights.entry(word).or_default() += 1;
        }
    }
    weights
}

/// The words that say most about a text: used most often, and among equals the first.
pub(super) fn key_words(text: &str, count: usize) -> Vec<String> {
    let mut weights = weights(text);
    let mut found: Vec<(usize, String)> =
        words(text).filter_map(|word| weights.remove_entry(&word.to_lowercase())).map(|(word, uses)| (uses, word)).collect();
    found.sort_by_key(|(uses, _)| std::cmp::Reverse(*uses));
    found.into_iter().take(count).map(|(_, word)| word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_joined_are_the_text() {
        for text in ["", "  ", "Hello, world!  ", "Zürich\n\n日本語 🦀 x", &"long".repeat(50)] {
            assert_eq!(tokens(text).collect::<String>(), text);
        }
        assert_eq!(tokens("1 2, three").collect::<Vec<_>>(), ["1", " 2", ",", " three"]);
        assert_eq!(tokens(&"x".repeat(40)).count(), 3);
    }

    #[test]
    fn sentences_end_at_their_signs_and_at_line_breaks() {
        assert_eq!(sentences("One. Two!  Three\nfour 3.5 five?"), ["One.", "Two!", "Three", "four 3.5 five?"]);
        assert!(sentences(" \n ").is_empty());
    }

    #[test]
    fn groups_are_cut_between_letters_and_no_word_is_without() {
        assert_eq!(Groups::of("tab").iter().collect::<Vec<_>>(), ["^ta", "tab", "ab$", "^tab", "tab$"]);
        assert_eq!(Groups::of("é").iter().collect::<Vec<_>>(), ["^é$"]);
    }

    #[test]
    fn common_words_are_sorted_for_the_search() {
        assert!(COMMON.is_sorted());
        assert!(is_common("the") && !is_common("lighthouse"));
    }

    #[test]
    fn key_words_are_the_frequent_then_the_first() {
        assert_eq!(key_words("The cat saw a dog. The dog ran; it's a dog.", 3), ["dog", "cat", "saw"]);
    }
}
