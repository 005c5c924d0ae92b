//! Moving handles to where another process would receive them: through a
//! channel, both of whose ends are here.

use vmo_abi::Capability::{Channels, Clone, Handles, Info, OtherObjects, Signals};
use vmo_abi::{ZX_ERR_ACCESS_DENIED, ZX_ERR_BAD_HANDLE, ZX_RIGHT_TRANSFER, ZX_VMO_ZERO_CHILDREN};

use crate::suite::{PAGE, Suite};

pub(super) fn add(suite: &mut Suite) {
    suite.test(
        "a_vmo_goes_through_a_channel",
        &["VMO-CREATE-17", "VMO-CREATE-31", "KOID-02"],
        &[Channels, OtherObjects, Info],
        |cx| {
            let vmo = cx.create_filled(PAGE, 0x41)?;
            let koid = cx.koid(vmo)?;
            let (near, far) = cx.channel()?;
            cx.channel_write(near, &[vmo])?.ok()?;
            let received = cx.channel_read(far)?.ok()?.handle(0);
            cx.expect_fill(received, 0, PAGE, 0x41)?;
            let same = cx.koid(received)?;
            cx.expect(same == koid, koid, same)
        },
    );

    suite.test(
        "the_sender_has_the_handle_no_more",
        &["VMO-CREATE-31"],
        &[Channels, OtherObjects],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let (near, _far) = cx.channel()?;
            cx.channel_write(near, &[vmo])?.ok()?;
            cx.vmo_get_size(vmo)?.is(ZX_ERR_BAD_HANDLE).map(drop)
        },
    );

    suite.test(
        "a_handle_without_transfer_stays_here",
        &["VMO-CREATE-31"],
        &[Channels, OtherObjects, Handles, Info],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let fixed = cx.duplicate_without(vmo, ZX_RIGHT_TRANSFER)?;
            let (near, far) = cx.channel()?;
            cx.channel_write(near, &[fixed])?.is(ZX_ERR_ACCESS_DENIED)?;
            cx.channel_read(far)?.is(vmo_abi::ZX_ERR_SHOULD_WAIT).map(drop)
        },
    );

    suite.test(
        "rights_are_kept_on_the_way",
        &["HV-09"],
        &[Channels, OtherObjects, Handles, Info],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let few = cx.duplicate(vmo, ZX_RIGHT_TRANSFER | vmo_abi::ZX_RIGHT_READ)?;
            let (near, far) = cx.channel()?;
            cx.channel_write(near, &[few])?.ok()?;
            let received = cx.channel_read(far)?.ok()?.handle(0);
            cx.expect_rights(received, ZX_RIGHT_TRANSFER | vmo_abi::ZX_RIGHT_READ)
        },
    );

    suite.test(
        "a_handle_in_a_message_is_counted",
        &["OBJ-INFO-20"],
        &[Channels, OtherObjects, Handles, Info],
        |cx| {
            let vmo = cx.create(PAGE)?;
            let second = cx.duplicate_same(vmo)?;
            let (near, far) = cx.channel()?;
            cx.channel_write(near, &[second])?.ok()?;
            let count = cx.handle_count(vmo)?;
            cx.expect(count == 2, 2, count)?;
            cx.close(far)?;
            let count = cx.handle_count(vmo)?;
            cx.expect(count == 1, 1, count)
        },
    );

    suite.test(
        "a_clone_in_a_message_keeps_zero_children_low",
        &["SIG-ZC-22"],
        &[Channels, OtherObjects, Clone, Signals],
        |cx| {
            let parent = cx.create(PAGE)?;
            let clone = cx.clone_of(parent, 0, PAGE)?;
            let (near, far) = cx.channel()?;
            cx.channel_write(near, &[clone])?.ok()?;
            cx.expect_signal(parent, ZX_VMO_ZERO_CHILDREN, false)?;
            cx.close(far)?;
            cx.expect_signal(parent, ZX_VMO_ZERO_CHILDREN, true)?;
            cx.close(near)
        },
    );
}
