//! The contracts between CloudTaser's parts.
//!
//! Every number, name and byte layout that two parts must agree on stands here and nowhere
//! else: the secret region ([`region`]), registration with the enforcer ([`registration`]), the
//! protection levels ([`protection`]), what the preload library is handed at a program's start
//! ([`handover`]), the names of environment variables ([`names`]), the annotations of a pod
//! ([`annotation`]), what the webhook puts into one ([`injection`]), the enforcer's hooks
//! ([`enforce`]) and its decisions ([`verdict`]).
//! No dependency, no allocation, no `std`, no `unsafe`: the preload library and BPF programs use
//! this crate too.
#![no_std]
#![forbid(unsafe_code)]

pub mod annotation;
pub mod enforce;
pub mod handover;
pub mod injection;
pub mod names;
pub mod protection;
pub mod reference;
pub mod region;
pub mod registration;
pub mod verdict;
