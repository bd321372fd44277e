//! The guide in memory: its passages, and a weight for each passage that shares a letter group with a question.
//!
//! The weights are those of BM25, computed once when the guide is loaded: an answer is one look-up per group of the question.

use std::collections::BTreeMap;

use super::super::words::{self, Groups};

/// How soon more of the same stops to count; BM25's usual value.
const SATURATION: f32 = 1.2;
/// How far a passage's length is held against it, 0 to 1; BM25's usual value.
const LENGTH_PENALTY: f32 = 0.75;
/// What a word of a heading counts beside one of the text below it.
const HEADING: u32 = 4;
/// How a heading begins.
const MARK: &str = "## ";

/// How weights are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::backend::reference) enum Precision {
    /// As 32-bit floats.
    F32,
    /// As 255ths of the largest.
    Q8,
}

/// The guide, ready to be asked.
#[derive(Debug)]
pub(in crate::backend::reference) struct Guide {
    text: Box<str>,
    passages: Box<[Passage]>,
    /// Every letter group of the guide, sorted, one after the other.
    letters: Box<str>,
    /// Where each group's letters and places end; they begin where those of the one before end.
    groups: Box<[Ends]>,
    /// The passages that each group is in.
    places: Box<[u16]>,
    /// What it weighs in each.
    weights: Weights,
}

/// Places in the text.
#[derive(Clone, Copy, Debug)]
struct Passage {
    heading: (u32, u32),
    body: (u32, u32),
}

#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    letters: u32,
    places: u32,
}

#[derive(Debug)]
enum Weights {
    F32(Box<[f32]>),
    Q8 { step: f32, steps: Box<[u8]> },
}

impl Guide {
    /// Bytes of the text and of all tables.
    pub(in crate::backend::reference) fn bytes(&self) -> u64 {
        let weights = match &self.weights {
            Weights::F32(weights) => size_of_val(&**weights),
            Weights::Q8 { steps, .. } => size_of_val(&**steps),
        };
        let tables = [
            size_of_val(self),
            self.text.len(),
            size_of_val(&*self.passages),
            self.letters.len(),
            size_of_val(&*self.groups),
            size_of_val(&*self.places),
            weights,
        ];
        tables.iter().sum::<usize>() as u64
    }

    /// Every heading with the text below it.
    pub(super) fn passages(&self) -> impl Iterator<Item = (&str, &str)> {
        let slice = |(start, end): (u32, u32)| &self.text[start as usize..end as usize];
        self.passages.iter().map(move |passage| (slice(passage.heading), slice(passage.body)))
    }

    /// The passages that have something of a question, best first, with their scores.
    pub(super) fn ranked(&self, question: &str) -> Vec<(usize, f32)> {
        let mut scores = vec![0.0; self.passages.len()];
        for (group, uses) in counted(question) {
            for (place, weight) in self.found(&group) {
                scores[place] += weight * uses as f32;
            }
        }
        let mut ranked: Vec<_> = scores.into_iter().enumerate().filter(|(_, score)| *score > 0.0).collect();
        // Stable: of equals, the first in the guide.
        ranked.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        ranked
    }

    /// Where a group is, and what it weighs there.
    fn found(&self, group: &str) -> impl Iterator<Item = (usize, f32)> {
        let ends = |i: usize| i.checked_sub(1).map_or(Ends::default(), |i| self.groups[i]);
        let letters = |i: usize| &self.letters[ends(i).letters as usize..ends(i + 1).letters as usize];
        let (mut from, mut to) = (0, self.groups.len());
        while from < to {
            let middle = usize::midpoint(from, to);
            if letters(middle) < group { from = middle + 1 } else { to = middle }
        }
        let is_there = from < self.groups.len() && letters(from) == group;
        let places = if is_there { ends(from).places as usize..ends(from + 1).places as usize } else { 0..0 };
        places.map(|i| (usize::from(self.places[i]), self.weights.get(i)))
    }
}

impl Weights {
    fn new(weights: Vec<f32>, precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::F32(weights.into()),
            Precision::Q8 => {
                let step = weights.iter().copied().fold(f32::MIN_POSITIVE, f32::max) / f32::from(u8::MAX);
                Self::Q8 { step, steps: weights.iter().map(|weight| (weight / step).round() as u8).collect() }
            }
        }
    }

    fn get(&self, i: usize) -> f32 {
        match self {
            Self::F32(weights) => weights[i],
            Self::Q8 { step, steps } => f32::from(steps[i]) * step,
        }
    }
}

/// Reads the guide passage by passage, then makes the tables.
pub(in crate::backend::reference) struct Builder {
    text: String,
    /// Up to where it has been read.
    read: usize,
    passages: Vec<Passage>,
    /// How often each group is in each passage, and groups in all, per passage.
    uses: BTreeMap<String, BTreeMap<u16, u32>>,
    lengths: Vec<u32>,
}

impl Builder {
    pub(in crate::backend::reference) fn new(text: String) -> Self {
        Self { text, read: 0, passages: Vec::new(), uses: BTreeMap::new(), lengths: Vec::new() }
    }

    /// Reads the next passage; answers how many bytes have been read, or none when all have.
    pub(in crate::backend::reference) fn step(&mut self) -> Option<u64> {
        let rest = &self.text[self.read..];
        if rest.is_empty() || self.passages.len() == usize::from(u16::MAX) {
            return None;
        }
        let end = rest.match_indices(MARK).map(|(at, _)| at).find(|at| *at > 0 && rest.as_bytes()[at - 1] == b'\n');
        let end = self.read + end.unwrap_or(rest.len());
        let start = std::mem::replace(&mut self.read, end);
        self.add(start, end);
        Some(end as u64)
    }

    fn add(&mut self, start: usize, end: usize) {
        // What is before the first heading is the title.
        let Some(section) = self.text[start..end].strip_prefix(MARK) else { return };
        let heading_start = start + MARK.len();
        let heading_end = heading_start + section.find('\n').unwrap_or(section.len());
        let body_end = heading_start + section.trim_end().len().max(heading_end - heading_start);
        let body_start = (heading_end + 1).min(body_end);
        let number = self.passages.len() as u16;
        let mut length = 0;
        for (from, to, weight) in [(heading_start, heading_end, HEADING), (body_start, body_end, 1)] {
            for (group, uses) in counted(&self.text[from..to]) {
                length += uses * weight;
                *self.uses.entry(group).or_default().entry(number).or_default() += uses * weight;
            }
        }
        let place = |from: usize, to: usize| (from as u32, to as u32);
        self.passages.push(Passage { heading: place(heading_start, heading_end), body: place(body_start, body_end) });
        self.lengths.push(length);
    }

    /// The guide with its tables.
    pub(in crate::backend::reference) fn finish(self, precision: Precision) -> Guide {
        let all = self.passages.len() as f32;
        let mean = self.lengths.iter().sum::<u32>() as f32 / all.max(1.0);
        let (mut letters, mut groups, mut places, mut weights) = (String::new(), Vec::new(), Vec::new(), Vec::new());
        for (group, uses) in &self.uses {
            let with = uses.len() as f32;
            let rarity = (1.0 + (all - with + 0.5) / (with + 0.5)).ln();
            for (passage, uses) in uses {
                let (uses, length) = (*uses as f32, self.lengths[usize::from(*passage)] as f32);
                let held_against = SATURATION * (1.0 - LENGTH_PENALTY + LENGTH_PENALTY * length / mean);
                places.push(*passage);
                weights.push(rarity * uses * (SATURATION + 1.0) / (uses + held_against));
            }
            letters.push_str(group);
            groups.push(Ends { letters: letters.len() as u32, places: places.len() as u32 });
        }
        Guide {
            text: self.text.into(),
            passages: self.passages.into(),
            letters: letters.into(),
            groups: groups.into(),
            places: places.into(),
            weights: Weights::new(weights, precision),
        }
    }
}

/// The letter groups of the words that say something, with how often each is there; sorted, so that sums are the same each time.
fn counted(text: &str) -> BTreeMap<String, u32> {
    let text = text.to_lowercase();
    let mut counted = BTreeMap::new();
    for word in words::words(&text).filter(|word| !words::is_common(word)) {
        for group in Groups::of(word).iter() {
            *counted.entry(group.to_owned()).or_default() += 1;
        }
    }
    counted
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Title\n\n## Bread\nFlour and water are baked.\n\n## Boats\nThey float on water.\nOr sink.\n\n## Empty";

    fn built(text: &str, precision: Precision) -> Guide {
        let mut builder = Builder::new(text.to_owned());
        while builder.step().is_some() {}
        builder.finish(precision)
    }

    #[test]
    fn passages_are_headings_with_what_is_below_them() {
        let guide = built(TEXT, Precision::F32);
        let passages: Vec<_> = guide.passages().collect();
        assert_eq!(
            passages,
            [("Bread", "Flour and water are baked."), ("Boats", "They float on water.\nOr sink."), ("Empty", "")]
        );
    }

    #[test]
    fn steps_count_the_bytes_up_to_the_end() {
        let mut builder = Builder::new(TEXT.to_owned());
        let steps: Vec<_> = std::iter::from_fn(|| builder.step()).collect();
        assert!(steps.is_sorted() && steps.len() == 4, "{steps:?}");
        assert_eq!(steps.last(), Some(&(TEXT.len() as u64)));
    }

    #[test]
    fn what_is_rare_counts_more_and_other_forms_count_too() {
        for precision in [Precision::F32, Precision::Q8] {
            let guide = built(TEXT, precision);
            let best = |question: &str| guide.ranked(question).first().map(|(passage, _)| *passage);
            assert_eq!(best("Do boats hate water?"), Some(1));
            assert_eq!(best("baking"), Some(0));
            assert_eq!(best("the of and"), None);
            assert_eq!(best("xyzzy"), None);
        }
    }

    #[test]
    fn eight_bits_take_less_memory_and_every_table_is_counted() {
        let (full, small) = (built(TEXT, Precision::F32), built(TEXT, Precision::Q8));
        assert_eq!(full.bytes() - small.bytes(), 3 * full.places.len() as u64);
        assert!(full.bytes() > TEXT.len() as u64 + full.letters.len() as u64);
    }

    #[test]
    fn odd_texts_make_a_guide_too() {
        for text in ["", "\n", "## ", "## \n## \n", "##", "no heading"] {
            assert!(built(text, Precision::Q8).ranked("anything").is_empty(), "{text:?}");
        }
    }
}
