//! Switches for `bench/ablation.py`, which measures what each loop over whole tensors is worth: the time without the
//! loop, over the time with it. Where a loop is off, another one computes the same result.

/// Whether a loop may be chosen. Always, unless the feature `ablation` is on and `NETFOLD_WITHOUT` names the loop.
#[cfg(not(feature = "ablation"))]
#[inline(always)]
pub const fn is_on(_loop: &str) -> bool {
    true
}

/// Whether a loop may be chosen. Always, unless the feature `ablation` is on and `NETFOLD_WITHOUT` names the loop.
#[cfg(feature = "ablation")]
pub fn is_on(loop_: &str) -> bool {
    use std::sync::OnceLock;

    static WITHOUT: OnceLock<Vec<String>> = OnceLock::new();
    let without = WITHOUT.get_or_init(|| {
        let names = std::env::var("NETFOLD_WITHOUT").unwrap_or_default();
        names.split(',').map(str::to_owned).collect()
    });
    !without.iter().any(|name| name == loop_)
}
