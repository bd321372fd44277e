//! `tabagent/reference-guide`: questions about this product, answered with the passages of its guide that fit them best.

/// The passages, and which words lead to them.
mod index;

pub(super) use index::{Builder, Guide, Precision};

/// A second passage is shown when it fits at least this share of how well the best one does.
const NEARLY: f32 = 0.75;

impl Guide {
    /// The passages that answer a question, or what there are passages about.
    pub(super) fn answer(&self, question: &str) -> String {
        let ranked = self.ranked(question);
        let best = ranked.first().map_or(0.0, |(_, score)| *score);
        let close = ranked.iter().take(2).filter(|(_, score)| *score >= best * NEARLY);
        let passages: Vec<_> = close.filter_map(|(number, _)| self.passages().nth(*number)).collect();
        if passages.is_empty() {
            let headings: Vec<_> = self.passages().map(|(heading, _)| heading).collect();
            return format!("The guide says nothing about that. It has chapters on: {}.", headings.join("; "));
        }
        passages.iter().map(|(heading, body)| format!("{heading}\n{body}")).collect::<Vec<_>>().join("\n\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_lead_to_their_chapters() {
        let rows = [
            ("How do I start the server on another port?", "Start the server"),
            ("What is a key for and how do I send it?", "Keys"),
            ("How can I stop a generation?", "Stop or cancel a generation"),
            ("Can I use an OpenAI client?", "OpenAI clients"),
            ("How do I load a model?", "Pull, load and unload a model"),
            ("I cannot connect", "Troubleshooting: cannot connect"),
            ("My firewall blocks UDP", "Troubleshooting: stuck while connecting"),
            ("How do I talk to it without the SDK, with plain JSON?", "Plain JSON without the library"),
            ("Which limits are there?", "Limits"),
            ("what does default mean?", "The default model"),
            ("temperature", "Settings of generation"),
            ("subscribe to events", "Events"),
            ("where are my messages kept?", "Stored conversations and the data folder"),
            ("order documents by a query", "Search and compare texts"),
            ("vectors", "Embeddings"),
            ("manifest of my extension", "Connect from an extension"),
        ];
        for precision in [Precision::F32, Precision::Q8] {
            let mut builder = Builder::new(include_str!("../guide.md").to_owned());
            while builder.step().is_some() {}
            let guide = builder.finish(precision);
            for (question, heading) in rows {
                let answer = guide.answer(question);
                assert!(answer.starts_with(&format!("{heading}\n")), "{question} {precision:?}: {answer}");
            }
            assert!(guide.answer("qqq").starts_with("The guide says nothing about that. It has chapters on: What tabagent is; "));
        }
    }
}
