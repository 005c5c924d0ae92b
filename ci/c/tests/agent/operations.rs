//! What each operation does, on a kernel that writes its calls down.

use vmo_abi::{ArgumentKind, Syscall, ZX_ERR_BAD_SYSCALL};

use crate::sources::MISSING;
use crate::wire::{
    Agent, call, control, done, fill, get, hello, keep, load, number, put, slot, status, store,
};

const LIMIT: u32 = 1024;
const ARENA_LEN: u64 = 0x10000;
const RECORD: u64 = 0xf000;
const USER: u64 = 0x70_0000_0000;
const USER_END: u64 = USER + 0x2000;

/// The result of a load or `get` that went well.
fn bytes(code: u8, bytes: &[u8]) -> Vec<u8> {
    [&[code + 0x80, 0][..], bytes].concat()
}

#[test]
fn hello_says_what_there_is() {
    let Some(mut agent) = Agent::fake(LIMIT, &[]) else { return };
    let answer = agent.ask(&hello());
    let word = |at: usize| u32::from_le_bytes(answer[at..at + 4].try_into().unwrap());
    let long = |at: usize| u64::from_le_bytes(answer[at..at + 8].try_into().unwrap());
    assert_eq!(answer[0], 0x81);
    assert_eq!((word(1), word(5), word(9)), (1, LIMIT, 4096));
    let all = (1_u64 << Syscall::ALL.len()) - 1;
    assert_eq!(long(13), all & !(1 << MISSING as u64));
    assert_eq!(word(21), 3);
    assert_eq!(long(33), ARENA_LEN);
    assert_eq!((long(41), long(49), long(57)), (0x1111, 0x2222, 0xffff_0000_0000_3333));
    assert_eq!((word(65), word(69), word(73)), (0x4444_4444, 0x5555_5555, 0x6666_6666));
    assert_eq!(answer[77..], *"\u{7}2018-06\u{9}a fake ä".as_bytes());
    // Whatever the tester's version is, the agent says its own.
    assert_eq!(agent.ask(&[1, 9, 9, 9, 9]), answer);
    agent.end();
}

#[test]
fn an_agent_without_hooks_offers_nothing() {
    let Some(mut agent) = Agent::fake(LIMIT, &["bare"]) else { return };
    let answer = agent.ask(&hello());
    assert_eq!(answer[13..25], [0; 12]);
    assert_eq!(answer[77..], *"\u{7}2018-06\u{0}".as_bytes());
    let arena = u64::from_le_bytes(answer[25..33].try_into().unwrap());
    let arguments: Vec<Vec<u8>> = (0..8).map(number).collect();
    for number in 0..=u8::MAX {
        assert_eq!(agent.ask(&call(number, &arguments)), status(ZX_ERR_BAD_SYSCALL));
    }
    agent.expect(&[
        (control(10, 1), vec![0x8a, 1]),
        (control(11, 1), vec![0x8b, 1]),
        (vec![12], vec![0x8c, 1]),
        (vec![9], vec![0x89, 0, 0, 0, 0, 0, 0, 0, 0]),
        (store(&number(arena + 1), &[1, 2, 3, 4]), done(8, None)),
        (load(&number(arena), 8), bytes(7, &[0, 1, 2, 3, 4, 0, 0, 0])),
        (load(&number(u64::MAX - 3), 8), done(7, Some(u64::MAX - 3))),
    ]);
    agent.end();
}

#[test]
fn the_arena_is_stored_to_filled_and_loaded() {
    let Some(mut agent) = Agent::fake(LIMIT, &[]) else { return };
    let arena = agent.arena();
    let end = arena + ARENA_LEN;
    agent.expect(&[
        (put(arena, b"hello"), done(2, None)),
        (fill(arena + 5, 3, b'!'), done(3, None)),
        (get(arena + 1, 8), bytes(4, b"ello!!!\0")),
        (put(end - 2, b"ab"), done(2, None)),
        (get(end - 2, 2), bytes(4, b"ab")),
        (fill(end - 1, 1, 9), done(3, None)),
        (put(end, b""), done(2, None)),
        (get(end, 0), bytes(4, b"")),
        (fill(arena, ARENA_LEN as usize, 7), done(3, None)),
        (get(end - 1, 1), bytes(4, &[7])),
    ]);
    for outside in [arena - 1, end, end + 1, 0, u64::MAX, arena ^ 1 << 63] {
        agent.expect(&[
            (put(outside, &[1]), done(2, Some(outside))),
            (fill(outside, 1, 1), done(3, Some(outside))),
            (get(outside, 1), done(4, Some(outside))),
            (keep(0, 4, outside), done(6, Some(outside))),
        ]);
    }
    agent.expect(&[
        (put(end - 3, &[1; 4]), done(2, Some(end))),
        (fill(end - 3, u32::MAX as usize, 1), done(3, Some(end))),
        (fill(arena, ARENA_LEN as usize + 1, 1), done(3, Some(end))),
        (get(end - 3, 4), done(4, Some(end))),
        (keep(0, 8, end - 7), done(6, Some(end))),
        (keep(0, 4, end - 3), done(6, Some(end))),
    ]);
    agent.end();
}

#[test]
fn calls_get_their_arguments_cut_to_what_is_declared() {
    let Some(mut agent) = Agent::fake(LIMIT, &[]) else { return };
    let arena = agent.arena();
    let argument = |index: usize| 0x8182_8384_c1c2_c3c4_u64 + index as u64;
    for syscall in Syscall::ALL {
        let code = *syscall as u8;
        // Arguments more than declared are ignored.
        for count in syscall.arguments().len()..=8 {
            let values: Vec<Vec<u8>> = (0..count).map(|index| number(argument(index))).collect();
            let answer = agent.ask(&call(code, &values));
            if *syscall == MISSING {
                assert_eq!(answer, status(ZX_ERR_BAD_SYSCALL));
                continue;
            }
            assert_eq!(answer, status(-100 - i32::from(code)), "{}", syscall.name());
            let mut expected = u64::from(code).to_le_bytes().to_vec();
            for (index, declared) in syscall.arguments().iter().enumerate() {
                let passed = argument(index);
                let passed = if declared.bits == 32 { passed & 0xffff_ffff } else { passed };
                assert!(declared.bits == 64 || declared.kind != ArgumentKind::Size);
                expected.extend(passed.to_le_bytes());
            }
            expected.resize(72, 0xee);
            assert_eq!(agent.ask(&get(arena + RECORD, 72)), bytes(4, &expected));
        }
        // Fewer are malformed.
        let values: Vec<Vec<u8>> = (1..syscall.arguments().len()).map(|_| number(0)).collect();
        assert_eq!(agent.ask(&call(code, &values)), [0xff]);
    }
    agent.end();
}

#[test]
fn slots_keep_what_calls_stored() {
    let Some(mut agent) = Agent::fake(LIMIT, &[]) else { return };
    let arena = agent.arena();
    let record = |values: &[u64]| {
        let mut expected = (Syscall::vmo_set_size as u64).to_le_bytes().to_vec();
        values.iter().for_each(|value| expected.extend(value.to_le_bytes()));
        bytes(4, &expected)
    };
    let set_size = |values: &[Vec<u8>]| {
        let code = Syscall::vmo_set_size as u8;
        (call(code, values), status(-100 - i32::from(code)))
    };
    let written = get(arena + RECORD, 24);
    agent.expect(&[
        (put(arena, &0x1122_3344_5566_7788_u64.to_le_bytes()), done(2, None)),
        (keep(0, 4, arena), done(6, None)),
        (keep(31, 8, arena), done(6, None)),
        set_size(&[slot(0, 1), slot(31, 0)]),
        (written.clone(), record(&[0x5566_7789, 0x1122_3344_5566_7788])),
        // 32 bits are cut after the sum, and 64 go round.
        set_size(&[slot(31, 0), slot(31, u64::MAX)]),
        (written.clone(), record(&[0x5566_7788, 0x1122_3344_5566_7787])),
        set_size(&[slot(7, 3), slot(8, 4)]),
        (written.clone(), record(&[3, 4])),
        (put(arena, &(USER + 5).to_le_bytes()), done(2, None)),
        (keep(3, 8, arena), done(6, None)),
        (store(&slot(3, 1), &[6, 7]), done(8, None)),
        (load(&slot(3, u64::MAX), 4), bytes(7, &[0, 0, 6, 7])),
        (vec![12], vec![0x8c, 0]),
        set_size(&[slot(0, 1), slot(31, 2)]),
        (written, record(&[1, 2])),
    ]);
    assert_eq!(agent.ask(&keep(32, 4, arena)), [0xff]);
    assert_eq!(agent.ask(&keep(0, 5, arena)), [0xff]);
    assert_eq!(agent.ask(&load(&slot(32, 0), 1)), [0xff]);
    agent.end();
}

#[test]
fn loads_and_stores_say_where_they_fault() {
    let Some(mut agent) = Agent::fake(LIMIT, &[]) else { return };
    for len in (0..20).chain([500]) {
        for start in 0..9 {
            let data: Vec<u8> = (0..len).map(|index| (index + start) as u8 ^ 0x55).collect();
            let address = number(USER + start as u64);
            agent.expect(&[
                (store(&address, &data), done(8, None)),
                (load(&address, len), bytes(7, &data)),
            ]);
        }
    }
    for len in 1..20 {
        agent.expect(&[
            (store(&number(USER_END), &vec![1; len]), done(8, Some(USER_END))),
            (load(&number(USER - 1), len), done(7, Some(USER - 1))),
            (store(&number(USER_END - 1), &vec![1; len + 1]), done(8, Some(USER_END))),
            (load(&number(USER_END - 1), len + 1), done(7, Some(USER_END))),
            (load(&number(u64::MAX), len), done(7, Some(u64::MAX))),
        ]);
    }
    agent.end();
}

#[test]
fn clock_memory_and_reset_reach_the_hooks() {
    let Some(mut agent) = Agent::fake(LIMIT, &[]) else { return };
    let arena = agent.arena();
    let time = 1_234_567_890_123_456_789_u64.to_le_bytes();
    agent.expect(&[
        (vec![9], [&[0x89][..], &time].concat()),
        (control(10, u64::MAX), vec![0x8a, 0]),
        (get(arena, 8), bytes(4, &[0xff; 8])),
        (control(10, 13), vec![0x8a, 1]),
        (control(11, 3), vec![0x8b, 0]),
        (get(arena + 8, 8), bytes(4, &3_u64.to_le_bytes())),
        (control(11, 13), vec![0x8b, 1]),
        (vec![12], vec![0x8c, 0]),
    ]);
    // The environment is another one then.
    assert_eq!(agent.ask(&hello())[65..69], 0x4444_4445_u32.to_le_bytes());
    agent.end();
}

#[test]
fn what_is_unknown_or_cut_off_is_refused_and_ends_the_list() {
    let Some(mut agent) = Agent::fake(LIMIT, &[]) else { return };
    let arena = agent.arena();
    let operations = [
        hello(),
        put(arena, b"0123456789"),
        fill(arena, 4, 1),
        get(arena, 4),
        call(3, &[number(1), number(arena)]),
        keep(0, 4, arena),
        load(&number(USER), 4),
        store(&number(USER), &[1, 2, 3, 4]),
        vec![9],
        control(10, 1),
        control(11, 1),
        vec![12],
    ];
    for operation in &operations {
        let whole = agent.ask(operation);
        assert_eq!(whole[0], operation[0] + 0x80);
        for len in 1..operation.len() {
            assert_eq!(agent.ask(&operation[..len]), [0xff], "{operation:x?} cut to {len}");
            // What comes before it was done.
            let list = [&fill(arena, 4, 9)[..], &operation[..len]].concat();
            assert_eq!(agent.ask(&list), [&done(3, None)[..], &[0xff]].concat());
        }
    }
    for code in std::iter::once(0).chain(13..=u8::MAX) {
        let list = [&vec![9][..], &[code], &fill(arena, 4, 0xaa)].concat();
        let answer = agent.ask(&list);
        assert_eq!((answer.len(), answer[9]), (10, 0xff), "{code:x}");
        // What comes after it was not.
        assert_ne!(agent.ask(&get(arena, 1))[2], 0xaa);
    }
    let too_many: Vec<Vec<u8>> = (0..9).map(number).collect();
    assert_eq!(agent.ask(&call(0, &too_many)), [0xff]);
    agent.end();
}

#[test]
fn an_answer_may_fill_the_payload_and_not_exceed_it() {
    let limit = LIMIT as usize;
    let Some(mut agent) = Agent::fake(LIMIT, &[]) else { return };
    let arena = agent.arena();
    let data: Vec<u8> = (0..limit).map(|index| index as u8).collect();
    // A request of exactly the limit.
    let whole = put(arena, &data[..limit - 13]);
    assert_eq!(whole.len(), limit);
    assert_eq!(agent.ask(&whole), done(2, None));
    assert_eq!(
        agent.ask(&get(arena, limit - 2)),
        bytes(4, &[&data[..limit - 13], &[0; 11]].concat())
    );
    assert_eq!(agent.ask(&get(arena, limit - 1)), [0xff]);
    assert_eq!(agent.ask(&load(&number(USER), limit - 2)).len(), limit);
    assert_eq!(agent.ask(&load(&number(USER), limit - 1)), [0xff]);
    for huge in [u32::MAX as usize, u32::MAX as usize - 1, 1 << 31] {
        assert_eq!(agent.ask(&get(arena, huge)), [0xff]);
        assert_eq!(agent.ask(&load(&number(USER), huge)), [0xff]);
    }
    // With more to come there is room left for saying that it does not fit.
    let two = |len| [get(arena, len), vec![9]].concat();
    let answer = agent.ask(&two(limit - 2 - 9));
    assert_eq!((answer.len(), answer[limit - 9]), (limit, 0x89));
    let answer = agent.ask(&two(limit - 3));
    assert_eq!((answer.len(), answer[limit - 1]), (limit, 0xff));
    assert_eq!(agent.ask(&two(limit - 2)), [0xff]);
    // A store is not done if its fault would not fit.
    let list = [get(arena, limit - 2 - 9), store(&number(USER), &[1])].concat();
    assert_eq!(agent.ask(&list).last(), Some(&0xff));
    agent.end();
}
