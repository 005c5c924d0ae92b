//! Every program that the grammar can express is read back as it was printed.

use vmo_abi::{ArgumentKind, STATUSES, Syscall};
use vmo_conformance::program::{
    Action, Address, Call, Data, Expected, Field, Handle, LONGEST_DATA, Name, Part, Program, Step,
    StepResult, Value, parse, print,
};

use crate::random::Random;

#[test]
fn generated_programs_round_trip() {
    let mut random = Random::new(3);
    for round in 0..2000 {
        let programs: Vec<Program> =
            (0..=random.below(3)).map(|_| Generator::program(&mut random)).collect();
        let text = print(&programs);
        let parsed = parse("generated.vmo", &text)
            .unwrap_or_else(|error| panic!("round {round}: {error}\n{text}"));
        assert_eq!(parsed, programs, "round {round}\n{text}");
        for program in &programs {
            let alone = parse("alone.vmo", &program.to_string());
            assert_eq!(alone.as_deref(), Ok(std::slice::from_ref(program)));
            for (index, step) in program.steps.iter().enumerate() {
                let line = program.step_text(index);
                assert!(!line.contains('\n') && text.contains(&line), "{step:?}: {line}");
            }
        }
    }
}

struct Generator<'r> {
    random: &'r mut Random,
    names: Vec<String>,
}

impl Generator<'_> {
    fn program(random: &mut Random) -> Program {
        let name = random.pick(&["p", "b/clone/12", "topic=x", "a#b", "é\u{a0}", "program"]);
        let topic = random.pick(&["", "", "clone", "near-2^64", "a=b", "#"]);
        let marks: &[&str] = random.pick(&[&[] as &[&str], &["C-12"], &["C-12", "ND-07", "="]]);
        let mut generator = Generator { random, names: Vec::new() };
        let comments = generator.comments();
        let count = generator.random.below(20);
        let steps = (0..count).map(|_| generator.step()).collect();
        Program {
            name: name.to_owned(),
            topic: topic.to_owned(),
            marks: marks.iter().map(|mark| (*mark).to_owned()).collect(),
            comments,
            steps,
            trailing_comments: generator.comments(),
            names: generator.names,
        }
    }

    fn comments(&mut self) -> Vec<String> {
        let texts = ["", " ", "one", " two ", "#", "a\rb", "program p", "\u{1b}[1m é", "\t"];
        let count = self.random.below(8).saturating_sub(5);
        (0..count).map(|_| self.random.pick(&texts).to_owned()).collect()
    }

    fn step(&mut self) -> Step {
        let comments = self.comments();
        let action = match self.random.below(10) {
            0 => Action::Load {
                address: self.address(),
                len: self.random.number(64).min(LONGEST_DATA),
            },
            1 => Action::Store { address: self.address(), data: self.data() },
            2 => Action::LimitMemory(self.optional()),
            3 => Action::FailAllocation(self.optional()),
            _ => Action::Call(self.call()),
        };
        let expected = if self.random.one_in(3) { None } else { Some(self.expected()) };
        Step { comments, action, expected }
    }

    fn optional(&mut self) -> Option<u64> {
        if self.random.one_in(2) { None } else { Some(self.random.number(64)) }
    }

    fn call(&mut self) -> Call {
        let syscall = self.random.pick(Syscall::ALL);
        let arguments = syscall.arguments().iter().map(|a| self.argument(a.kind, a.bits)).collect();
        let count = if self.random.one_in(2) { 0 } else { Call::result_count(syscall) };
        let results = (0..count)
            .map(|_| {
                let prefix = self.random.pick(&["v", "m_", "now", "hexa", "vmo_read", "r0_"]);
                self.names.push(format!("{prefix}{}", self.names.len()));
                Name(u16::try_from(self.names.len() - 1).unwrap())
            })
            .collect();
        Call { syscall, arguments, results }
    }

    fn argument(&mut self, kind: ArgumentKind, bits: u32) -> Value {
        let is_special = self.random.one_in(2);
        match kind {
            ArgumentKind::Handle => Value::Handle(self.handle()),
            ArgumentKind::Address => Value::Address(self.address()),
            ArgumentKind::Deadline if is_special => Value::FromNow(self.random.number(64)),
            _ if !kind.is_pointer() => Value::Number(self.random.number(bits)),
            _ if self.random.one_in(3) => Value::Scratch,
            ArgumentKind::BytesIn(_) if is_special => Value::Data(self.data()),
            ArgumentKind::HandlesIn(_) if is_special => Value::Handles(self.handles()),
            ArgumentKind::WaitItems(_) if is_special => {
                let handles = self.handles();
                let item = |handle| (handle, self.random.number(32) as u32);
                Value::WaitItems(handles.into_iter().map(item).collect())
            }
            _ => Value::Address(self.address()),
        }
    }

    fn name(&mut self) -> Option<Name> {
        if self.names.is_empty() {
            return None;
        }
        Some(Name(self.random.below(self.names.len() as u64) as u16))
    }

    fn handle(&mut self) -> Handle {
        match (self.random.below(10), self.name()) {
            (0, _) => Handle::Invalid,
            (1, _) => Handle::Never,
            (2, _) => Handle::Region,
            (3, _) => Handle::Root,
            (4, _) => Handle::Process,
            (5, _) => Handle::Observed,
            (6.., Some(name)) => Handle::Named(name),
            _ => Handle::Literal(self.random.number(32) as u32),
        }
    }

    fn handles(&mut self) -> Vec<Handle> {
        (0..self.random.below(4)).map(|_| self.handle()).collect()
    }

    fn address(&mut self) -> Address {
        let number = self.random.number(64);
        match (self.random.below(10), self.name()) {
            (0, _) => Address::Null,
            (1, _) => Address::Unmapped,
            (2, _) => Address::ReadOnly,
            (3, _) => Address::Kernel,
            (4, _) => Address::Straddle(number),
            (5, _) => Address::Region(number),
            (6.., Some(name)) => Address::Named(name, number),
            _ => Address::Literal(number),
        }
    }

    fn data(&mut self) -> Data {
        let part = |random: &mut Random| match random.below(3) {
            0 => Part::Hex((0..random.below(20)).map(|_| random.number(8) as u8).collect()),
            1 => Part::Fill(random.number(8) as u8, random.below(1 << 20)),
            _ => Part::Seq(random.number(8) as u8, random.below(1 << 20)),
        };
        Data((0..self.random.below(4)).map(|_| part(self.random)).collect())
    }

    fn expected(&mut self) -> Expected {
        let result = match self.random.below(8) {
            0 => StepResult::Fault,
            1 => StepResult::Status(self.random.number(32) as i32),
            _ => StepResult::Status(self.random.pick(STATUSES).1),
        };
        let mut fields: Vec<Field> = Vec::new();
        for _ in 0..self.random.below(5) {
            let field = self.field();
            if fields.iter().all(|other| other.key() != field.key()) {
                fields.push(field);
            }
        }
        Expected { result, fields }
    }

    fn field(&mut self) -> Field {
        let number = self.random.number(64);
        let small = self.random.number(32) as u32;
        match self.random.below(Field::KEYS.len() as u64) {
            0 => Field::Size(number),
            1 => Field::Data(self.data()),
            2 => Field::Value(self.data()),
            3 => Field::Observed(small),
            4 => Field::Pending((0..small % 4).map(|_| self.random.number(32) as u32).collect()),
            5 => Field::Rights(small),
            6 => Field::Type(small),
            7 => Field::RelatedKoid(number),
            8 => Field::Props(small),
            9 => Field::KoidSameAs(self.handle()),
            10 => Field::KoidDiffers(self.handles()),
            11 => Field::Count(small),
            12 => Field::Actual(number),
            13 => Field::Avail(number),
            14 => Field::AddressIs(self.address()),
            _ => Field::Untouched(small.is_multiple_of(2)),
        }
    }
}
