//! Frames among noise, damaged, repeated, cut and too long.

use crate::wire::{Agent, control, crc32, fill, first_frame, frame, get, hello, load, number};

const LIMIT: u32 = 1024;

#[test]
fn the_check_is_the_one_of_ethernet() {
    assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
}

#[test]
fn noise_before_between_and_after_frames_is_skipped() {
    for words in [&[][..], &["slow"]] {
        let Some(mut agent) = Agent::fake(LIMIT, words) else { return };
        let noises: [&[u8]; 7] = [
            b"[    0.000000] Linux version\r\n",
            &[0xf5],
            &[0xf5, 0x56, 0x4d, 0x4f],
            &[0xf5, 0x56, 0x4d, 0x4f, 1, 0, 0, 0, 8, 0, 0, 0, 1, 2, 3, 4],
            &[0xf5, 0xf5, 0x56, 0xf5, 0x56, 0x4d],
            &[0; 3000],
            &[0xf5; 3000],
        ];
        let mut sequence = 1;
        for noise in noises {
            for other in noises {
                sequence += 1;
                agent.send(&[noise, &frame(sequence, &hello()), other].concat());
                // Noise that begins like a frame is told from one by what follows.
                agent.send(&[b'.'; 16]);
                assert_eq!(agent.receive().expect("an answer").0, sequence);
            }
        }
        assert_eq!(agent.end(), []);
    }
}

#[test]
fn damaged_frames_are_dropped() {
    let Some(mut agent) = Agent::fake(LIMIT, &[]) else { return };
    let whole = frame(7, &hello());
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << bit;
            agent.send(&damaged);
        }
    }
    for at in 0..whole.len() {
        // A byte lost, and bytes of a console in the middle.
        agent.send(&[&whole[..at], &whole[at + 1..], &[0; 40]].concat());
        agent.send(&[&whole[..at], b"oops\r\n", &whole[at..], &[0; 40]].concat());
    }
    agent.send(&frame(8, &hello()));
    let mut answers = vec![agent.receive().expect("an answer").0];
    answers.extend(agent.end().iter().map(|(sequence, _)| *sequence));
    // Noise in front of a frame and behind it does no harm.
    assert!(answers[..answers.len() - 1].iter().all(|sequence| *sequence == 7), "{answers:?}");
    assert!(answers.len() < 4);
    assert_eq!(answers.last(), Some(&8));
}

#[test]
fn a_request_that_comes_again_is_not_done_again() {
    let Some(mut agent) = Agent::fake(LIMIT, &[]) else { return };
    let arena = agent.arena();
    // A reset counts in what hello says.
    let reset = frame(100, &[12]);
    for _ in 0..3 {
        agent.send(&reset);
        assert_eq!(agent.receive(), Some((100, vec![0x8c, 0])));
    }
    // What the frame says does not matter then.
    agent.send(&frame(100, &hello()));
    assert_eq!(agent.receive(), Some((100, vec![0x8c, 0])));
    assert_eq!(agent.ask(&hello())[65..69], 0x4444_4445_u32.to_le_bytes());
    // It counts as another one after another one.
    agent.send(&reset);
    assert_eq!(agent.receive(), Some((100, vec![0x8c, 0])));
    assert_eq!(agent.ask(&hello())[65..69], 0x4444_4446_u32.to_le_bytes());
    for sequence in [1, u32::MAX] {
        agent.send(&frame(sequence, &get(arena, 1)));
        assert_eq!(agent.receive().expect("an answer").0, sequence);
    }
    agent.end();
}

#[test]
fn what_is_no_request_is_not_answered() {
    let Some(mut agent) = Agent::fake(LIMIT, &[]) else { return };
    // The sequence number 0, an empty list, and an answer that was echoed.
    agent.send(&frame(0, &hello()));
    agent.send(&frame(3, &[]));
    let answer = agent.ask(&hello());
    agent.send(&frame(4, &answer));
    agent.send(&frame(5, &[0xff]));
    agent.send(&frame(0x1234_5679, &answer));
    assert_eq!(agent.ask(&hello()), answer);
    assert_eq!(agent.end(), []);
}

#[test]
fn a_frame_longer_than_the_limit_is_noise() {
    for limit in crate::sources::PAYLOADS {
        let Some(mut agent) = Agent::fake(limit, &[]) else { return };
        let arena = agent.arena();
        let fits: Vec<u8> = fill(arena, 4, 1).into_iter().cycle().take(limit as usize).collect();
        let answer = agent.ask(&fits);
        assert_eq!(answer.len(), limit as usize / 14 * 2 + 1);
        assert_eq!(answer.last(), Some(&0xff));
        // A frame inside of what is noise is a frame.
        let mut payload = vec![0; limit as usize + 1];
        payload[10..35].copy_from_slice(&frame(5, &hello()));
        agent.send(&frame(6, &payload));
        assert_eq!(agent.receive().expect("an answer").0, 5);
        let mut header = frame(7, &[])[..8].to_vec();
        header.extend(u32::MAX.to_le_bytes());
        header.extend(crc32(&header).to_le_bytes());
        agent.send(&header);
        agent.ask(&hello());
        assert_eq!(agent.end(), []);
    }
}

/// Numbers that look random, xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.below(256) as u8).collect()
    }
}

/// Bytes that are almost a sensible request.
fn almost(random: &mut Random, arena: u64) -> Vec<u8> {
    let mut list = Vec::new();
    for _ in 0..1 + random.below(6) {
        let address = match random.below(4) {
            0 => arena + random.below(0x11000) as u64,
            1 => 0x70_0000_0000 + random.below(0x2100) as u64,
            2 => u64::from_le_bytes(random.bytes(8).try_into().unwrap()),
            _ => arena,
        };
        let len = random.below(300);
        list.extend(match random.below(9) {
            0 => hello(),
            1 => fill(address, len, 3),
            2 => get(address, len),
            3 => load(&number(address), len),
            4 => crate::wire::store(&number(address), &vec![5; len]),
            5 => crate::wire::keep(random.below(34) as u8, 8, address),
            6 => control(10 + random.below(3) as u8, len as u64),
            7 => {
                let values: Vec<_> = (0..8).map(|_| number(address)).collect();
                crate::wire::call(random.below(32) as u8, &values[..random.below(9)])
            }
            _ => random.bytes(len % 20),
        });
    }
    for _ in 0..random.below(3) {
        let at = random.below(list.len() + 1);
        if let Some(byte) = list.get_mut(at) {
            *byte = random.below(256) as u8;
        }
    }
    list
}

/// Whatever comes in, the agent answers the requests in it and no others, and
/// touches nothing that it should not: sanitizers watch.
#[test]
fn random_bytes_do_no_harm() {
    let limit = LIMIT as usize;
    let rounds = if std::env::var_os("AGENT_FUZZ").is_some() { 400 } else { 8 };
    for seed in 0..rounds {
        let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ (seed << 32 | 1));
        let words = if seed % 4 == 3 { &["slow"][..] } else { &[] };
        let Some(mut agent) = Agent::fake(LIMIT, words) else { return };
        let arena = agent.arena();
        let mut stream = Vec::new();
        for sequence in 1..2000_u32 {
            let mut bytes = match random.below(8) {
                0 => {
                    let len = random.below(200);
                    random.bytes(len)
                }
                1 => {
                    let len = random.below(2 * limit);
                    frame(sequence, &random.bytes(len))
                }
                _ => frame(sequence, &almost(&mut random, arena)),
            };
            for _ in 0..random.below(16) / 13 {
                let at = random.below(bytes.len() + 1);
                match random.below(3) {
                    0 => bytes.truncate(at),
                    1 => bytes.insert(at, 0xf5),
                    _ => bytes.extend_from_within(..at),
                }
            }
            stream.extend(bytes);
        }
        // Enough to complete any frame that was cut, then a last one.
        stream.extend(vec![0; limit + 40]);
        stream.extend(frame(u32::MAX, &hello()));
        let mut expected = Vec::new();
        let mut rest = &stream[..];
        while let Some((sequence, payload, end)) = first_frame(rest, limit) {
            rest = &rest[end..];
            if sequence != 0 && payload.first().is_some_and(|code| *code < 0x80) {
                expected.push(sequence);
            }
        }
        agent.send(&stream);
        let answered: Vec<u32> = agent.end().iter().map(|(sequence, _)| *sequence).collect();
        assert!(expected.len() > 1000, "the streams are too wild");
        assert_eq!(answered, expected, "seed {seed}");
    }
}
