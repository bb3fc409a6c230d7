//! Ctrl-C and requests to end: what is half written goes with the program.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

/// Removes output files that are not in their place yet when a signal ends the program, which then ends by that signal,
/// as shells expect (130 for Ctrl-C, 143 for TERM). A second signal ends it at once.
pub fn watch() {
    let heeded: Vec<i32> = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| !is_ignored(signal)).collect();
    let again = Arc::new(AtomicBool::new(false));
    for &signal in &heeded {
        // Where a signal cannot be caught it ends the program, and the next run removes what is left.
        let _ = flag::register_conditional_default(signal, Arc::clone(&again));
        let _ = flag::register(signal, Arc::clone(&again));
    }
    let Ok(mut signals) = Signals::new(heeded) else { return };
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            netfold::output::folder::give_up();
            let _ = emulate_default_handler(signal);
        }
    });
}

/// Whether the program was started to live on, by `nohup` or in a script's background: that is heeded.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
