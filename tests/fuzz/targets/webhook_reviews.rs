//! Admission reviews, from the body of a request to the body of the answer: see `cloudtaser_fuzz::reviews`.
#![no_main]

use cloudtaser_fuzz::reviews::check;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| check(data));
