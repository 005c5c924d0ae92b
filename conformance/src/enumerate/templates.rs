//! The calls of a universe with all values but the handles.

use super::universe::{Choice, Deed, Pick, Universe};

/// A call whose handles are still open.
#[derive(Clone, Debug)]
pub(super) struct Template {
    pub(super) deed: Deed,
    /// One for each argument.
    pub(super) picks: Vec<Pick>,
    pub(super) looks: bool,
    /// How many of them are odd.
    pub(super) odd: usize,
}

/// Every template of a universe, in its order: of each shape first the plain
/// ones.
pub(super) fn templates(universe: &Universe) -> Vec<Template> {
    let mut templates = Vec::new();
    for shape in &universe.shapes {
        for odd in 0..=shape.odd_at_once.min(shape.choices.len()) {
            for which in subsets(shape.choices.len(), odd) {
                let values: Vec<Vec<&Pick>> = shape
                    .choices
                    .iter()
                    .enumerate()
                    .map(|(argument, choice)| values(choice, odd, which.contains(&argument)))
                    .collect();
                for picks in product(&values) {
                    // Oddities are seen on the way; after the last call what
                    // counts is what can be seen.
                    let looks = shape.looks && odd == 0;
                    templates.push(Template { deed: shape.deed, picks, looks, odd });
                }
            }
        }
    }
    templates
}

/// What an argument is tried with while `odd` of the arguments are odd.
fn values(choice: &Choice, odd: usize, is_odd: bool) -> Vec<&Pick> {
    if is_odd {
        return choice.odd.iter().collect();
    }
    let all = odd == 0 || choice.plain.iter().any(Pick::is_any_handle);
    let count = if all { choice.plain.len() } else { 1 };
    choice.plain.iter().take(count).collect()
}

/// The subsets with `size` elements of the first `count` numbers.
fn subsets(count: usize, size: usize) -> Vec<Vec<usize>> {
    if size == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for last in size - 1..count {
        for mut subset in subsets(last, size - 1) {
            subset.push(last);
            all.push(subset);
        }
    }
    all
}

/// Every choice of one of the values for each argument.
fn product(values: &[Vec<&Pick>]) -> Vec<Vec<Pick>> {
    values.iter().fold(vec![Vec::new()], |chosen, values| {
        let longer = |chosen: &Vec<Pick>| {
            let chosen = chosen.clone();
            values.iter().map(move |value| {
                let mut chosen = chosen.clone();
                chosen.push((*value).clone());
                chosen
            })
        };
        chosen.iter().flat_map(|chosen| longer(chosen).collect::<Vec<_>>()).collect()
    })
}

#[cfg(test)]
mod tests {
    use vmo_abi::Syscall;

    use super::*;
    use crate::enumerate::universe::Shape;
    use crate::program::Value;

    fn number(number: u64) -> Pick {
        Pick::Value(Value::Number(number))
    }

    #[test]
    fn odd_values_come_alone_and_in_pairs() {
        let shape = Shape::call(Syscall::vmo_set_size)
            .with("handle", [Pick::Vmo], [Pick::Closed])
            .with("size", [number(0), number(1)], [number(7), number(8)]);
        let universe =
            Universe { name: "x", about: "", starts: Vec::new(), shapes: vec![shape.clone()] };
        let sizes = |odd_at_once| {
            let shapes = vec![shape.clone().odd_at_once(odd_at_once)];
            templates(&Universe { shapes, ..universe.clone() })
                .into_iter()
                .map(|template| (template.picks[0] == Pick::Vmo, template.picks[1].clone()))
                .collect::<Vec<_>>()
        };
        let plain = [(true, number(0)), (true, number(1))];
        let one = [(false, number(0)), (true, number(7)), (true, number(8))];
        let two = [(false, number(7)), (false, number(8))];
        assert_eq!(sizes(0), plain);
        assert_eq!(sizes(1), [&plain[..], &one].concat());
        assert_eq!(sizes(2), [&plain[..], &one, &two].concat());
    }

    #[test]
    fn subsets_are_all_there() {
        assert_eq!(subsets(3, 2), [[0, 1], [0, 2], [1, 2]]);
        assert_eq!(subsets(2, 0), [[0_usize; 0]]);
        assert!(subsets(1, 2).is_empty());
    }
}
