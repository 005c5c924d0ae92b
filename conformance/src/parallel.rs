//! Work on several threads.

/// Does the same work on `jobs` threads, this one among them, and puts the
/// numbered results of all of them in order.
///
/// # Errors
///
/// The first error that a thread came to.
pub(crate) fn on_threads<T: Send, E: Send>(
    jobs: usize,
    work: impl Fn() -> Result<Vec<(usize, T)>, E> + Copy + Send,
) -> Result<Vec<T>, E> {
    let batches: Vec<_> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..jobs).map(|_| scope.spawn(work)).collect();
        let own = work();
        let joined = others.into_iter().map(|thread| match thread.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        std::iter::once(own).chain(joined).collect()
    });
    let mut results = Vec::new();
    for batch in batches {
        results.extend(batch?);
    }
    results.sort_unstable_by_key(|(index, _)| *index);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}
