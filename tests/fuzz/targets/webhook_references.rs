//! References in values of an environment, as the webhook sees them and as the wrapper does: see `cloudtaser_fuzz::references`.
#![no_main]

use cloudtaser_fuzz::references::check;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| check(data));
