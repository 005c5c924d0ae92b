//! Parts of the cases of a run, for runs on several machines.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One of several parts: every `count`-th case, from the `number`-th on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shard {
    number: usize,
    count: usize,
}

impl Shard {
    /// The number of the part, from 1.
    #[must_use]
    pub fn number(self) -> usize {
        self.number
    }

    /// How many parts there are.
    #[must_use]
    pub fn count(self) -> usize {
        self.count
    }

    /// The items of this part, in order. Neighbours come to different parts, as
    /// they take about as long as each other.
    #[must_use]
    pub fn of<T>(self, items: Vec<T>) -> Vec<T> {
        items.into_iter().skip(self.number - 1).step_by(self.count).collect()
    }
}

/// Why a text names no shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoShard(String);

impl fmt::Display for NoShard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no shard: 2/4 is the second of four, 1/4 the first", self.0)
    }
}

impl std::error::Error for NoShard {}

impl FromStr for Shard {
    type Err = NoShard;

    fn from_str(text: &str) -> Result<Self, NoShard> {
        let parsed = text.split_once('/').and_then(|(number, count)| {
            let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
            let is_plain = digits(number) && digits(count);
            Some((number.parse().ok()?, count.parse().ok()?)).filter(|_| is_plain)
        });
        match parsed {
            Some((number, count)) if (1..=count).contains(&number) => Ok(Self { number, count }),
            _ => Err(NoShard(text.to_owned())),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.count)
    }
}

impl Serialize for Shard {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Shard {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_different_and_make_up_the_whole() {
        for count in 1..7 {
            let mut all: Vec<_> = (1..=count)
                .flat_map(|number| Shard { number, count }.of((0..20).collect()))
                .collect();
            all.sort_unstable();
            assert_eq!(all, (0..20).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_names_no_part_is_refused() {
        assert_eq!("2/4".parse(), Ok(Shard { number: 2, count: 4 }));
        for text in
            ["", "/", "1", "0/4", "5/4", "1/0", "0/0", "a/4", "+1/4", "1/4/2", "-1/2", " 1/2"]
        {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
