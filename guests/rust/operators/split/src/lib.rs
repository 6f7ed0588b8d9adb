//! Flat-map: one record for each word of the value, with the word as key and as value. Words are runs of letters and digits, in lower case.

use millstream_sdk::prelude::*;

pub struct Split;

impl Operator for Split {
    type Config = NoConfig;

    fn open(_config: NoConfig, _setup: &Setup) -> Result<Self, Failure> {
        Ok(Split)
    }

    fn process(&mut self, record: &Record<'_>, ctx: &mut Context<'_>) -> Outcome {
        let text = record.value_text()?.to_lowercase();
        for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            ctx.emit(Out::new(Some(word.as_bytes()), Some(word.as_bytes())))?;
        }
        Ok(())
    }
}

export_operator!(Split);

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_sdk::testing::{Harness, Input};

    #[test]
    fn each_word_becomes_a_record_made_from_its_line() {
        let mut split = Harness::<Split>::open(()).unwrap();
        split.feed(&[Input::null_key("The mill, the stream."), Input::null_key(" ,"), Input::null_key("Öl 42").at(9)]).unwrap();
        let out: Vec<_> = split.take_outputs().into_iter().map(|o| (o.from_row, o.key_text(), o.timestamp)).collect();
        let words = [(0, "the", None), (0, "mill", None), (0, "the", None), (0, "stream", None), (2, "öl", Some(9)), (2, "42", Some(9))];
        assert_eq!(out, words.map(|(row, word, at)| (row, word.to_string(), at)));
    }
}
