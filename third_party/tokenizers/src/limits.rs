//! Work that may take only so much time and memory.
//!
//! Neither the template engine nor Rust can stop a computation from outside, or
//! fail an allocation without ending the process. So such work gets a thread of
//! its own whose allocations are counted, and a thread that breaks a limit never
//! returns from the allocation with which it was found out: it sleeps, keeping
//! what it has, until the process ends. Nothing unwinds and nothing is freed twice.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering::Relaxed};
use std::sync::mpsc::{sync_channel, RecvTimeoutError};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::boundary::guard;

/// See `azr_limits` in the header.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Limits {
    pub output_bytes: usize,
    pub memory_bytes: usize,
    pub milliseconds: u64,
}

/// What the thread may still do.
struct Budget {
    bytes: AtomicIsize,
    stopped: AtomicBool,
}

impl Budget {
    fn overdrawn(&self) -> bool {
        self.bytes.load(Relaxed) < 0
    }
}

thread_local! {
    /// The budget of a thread that has one. Without a destructor, so that the allocator may use it.
    static BUDGET: Cell<*const Budget> = const { Cell::new(ptr::null()) };
}

/// The system's allocator, counting on threads with a budget.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        spend(layout.size() as isize);
        System.alloc(layout)
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        spend(layout.size() as isize);
        System.alloc_zeroed(layout)
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        spend(size as isize - layout.size() as isize);
        System.realloc(old, layout, size)
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        spend(-(layout.size() as isize));
        System.dealloc(old, layout)
    }
}

/// Counts bytes before they are taken; does not return once a limit is broken.
fn spend(bytes: isize) {
    let budget = BUDGET.get();
    if budget.is_null() {
        return;
    }
    // SAFETY: `within`'s thread keeps its budget alive for as long as it runs.
    let budget = unsafe { &*budget };
    budget.bytes.fetch_sub(bytes, Relaxed);
    while budget.overdrawn() || budget.stopped.load(Relaxed) {
        thread::sleep(Duration::from_secs(3600));
    }
}

/// Runs `work` as [`guard`] does, on a thread of its own and within limits of time and memory.
pub fn within<T: Send + 'static>(
    limits: Limits,
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    const STACK: usize = 16 << 20;
    const LOOK: Duration = Duration::from_millis(20); // how soon a sleeping thread is noticed
    let bytes = isize::try_from(limits.memory_bytes).unwrap_or(isize::MAX);
    let budget = Arc::new(Budget { bytes: bytes.into(), stopped: false.into() });
    let (sender, result) = sync_channel(1);
    let own = budget.clone();
    let run = move || {
        BUDGET.set(&*own);
        let done = guard(work);
        BUDGET.set(ptr::null());
        let _ = sender.send(done); // nobody waits any more if it was late
    };
    thread::Builder::new().stack_size(STACK).spawn(run).map_err(|e| format!("no thread to run on: {e}"))?;
    let start = Instant::now();
    loop {
        match result.recv_timeout(LOOK) {
            Ok(done) => return done,
            Err(RecvTimeoutError::Disconnected) => return Err("the thread ended without a result".into()),
            Err(RecvTimeoutError::Timeout) if budget.overdrawn() => {
                return Err(format!("it takes too much memory; want at most {} MiB", limits.memory_bytes >> 20))
            }
            Err(RecvTimeoutError::Timeout) if start.elapsed() >= Duration::from_millis(limits.milliseconds) => {
                budget.stopped.store(true, Relaxed);
                return Err(format!("it takes too long; want at most {} ms", limits.milliseconds));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}
