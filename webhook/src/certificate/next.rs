//! The agreement of the replicas: a pure function from what one has read to the one thing it does.
//!
//! Nobody leads. Every replica asks this function; writes carry the version that was read, so one
//! wins and the others read again. Two rules keep every certificate that is served in the eyes of
//! the API server: nothing signs before all configurations are known to hold it, and no authority
//! leaves a bundle before its own end, which no certificate of its outlives.
//!
//! The second rule holds however old a replica's read of the Secret is: what it publishes is the
//! Secret's bundle *and* what the configuration holds, so a slow replica cannot take out what a
//! fast one has added; the write is on the configuration as it was read, or fails.

use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;

use super::content::{Authority, Content, ContentError};
use super::fact::{fact, verifies};
use super::name::Names;
use super::{
    CA_LIFETIME, CA_OVERLAP, MOST_AUTHORITIES, SERVING_LIFETIME, SERVING_RENEWAL, SETTLING,
    SETTLING_ANEW, SKEW,
};

/// What a replica has read.
#[derive(Debug)]
pub struct Read<'r> {
    /// The authorities of each `caBundle`.
    pub configured: &'r [Vec<CertificateDer<'static>>],
    /// The Secret.
    pub content: &'r Result<Content, ContentError>,
    /// What the certificate must be for.
    pub names: &'r Names,
}

/// What it does. Everything but [`Step::Publish`] is a write of the Secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// Makes everything anew, and keeps these authorities in the bundle.
    MakeAuthority(Vec<CertificateDer<'static>>),
    /// Puts these authorities into the configurations.
    Publish(Vec<CertificateDer<'static>>),
    /// Notes that all configurations hold the current authority, or the next one.
    MarkPublished,
    /// Signs a serving certificate.
    SignServing(Cause),
    /// Makes the next authority.
    AddNext,
    /// The next authority signs from now on.
    Switch,
    /// Takes out authorities that are past.
    DropOld,
    /// Nothing, for now.
    Rest,
}

/// Why a serving certificate is signed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cause {
    /// There is none, or it cannot be read, or no authority of the bundle vouches for it.
    Absent,
    /// It is near its end.
    NearEnd,
    /// It lacks a name.
    Names,
}

impl Step {
    /// The word for log and metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::MakeAuthority(_) => "make_authority",
            Self::Publish(_) => "publish",
            Self::MarkPublished => "mark_published",
            Self::SignServing(Cause::Absent) => "sign_absent",
            Self::SignServing(Cause::NearEnd) => "sign_near_end",
            Self::SignServing(Cause::Names) => "sign_names",
            Self::AddNext => "add_next",
            Self::Switch => "switch",
            Self::DropOld => "drop_old",
            Self::Rest => "rest",
        }
    }
}

/// The step that is due.
#[must_use]
pub fn next(read: &Read<'_>, now: OffsetDateTime) -> Step {
    let Ok(content) = read.content else {
        return Step::MakeAuthority(kept(read, Vec::new(), now));
    };
    let (current, other) = (&content.current, content.next.as_ref());
    let other = other.filter(|next| is_usable(next, now));
    if !is_usable(current, now) {
        // Nobody was there for months. The next one was made for this, if it is there in time.
        return match other {
            Some(next) if knows_all(read, std::slice::from_ref(&next.certificate)) => Step::Switch,
            Some(_) => publish(read, content, now),
            None => Step::MakeAuthority(kept(read, content.old.clone(), now)),
        };
    }
    if content.old.iter().any(|old| !stays(old, now)) {
        return Step::DropOld;
    }
    let publish = publish(read, content, now);
    if publish != Step::Rest {
        return publish;
    }
    if current.published.is_none_or(|time| time > now + SKEW) {
        return Step::MarkPublished;
    }
    if let Some(cause) = signs(read, content, now) {
        let settling = match content.old.is_empty() {
            true => time::Duration::ZERO,
            false => SETTLING_ANEW,
        };
        let is_settled = current.published.is_some_and(|time| time + settling <= now);
        return if is_settled {
            Step::SignServing(cause)
        } else {
            Step::Rest
        };
    }
    if current.fact.end - now > CA_OVERLAP {
        return Step::Rest;
    }
    match other {
        None => Step::AddNext,
        Some(next) => match next.published {
            Some(time) if time + SETTLING <= now => Step::Switch,
            Some(time) if time <= now + SKEW => Step::Rest,
            _ => Step::MarkPublished,
        },
    }
}

/// An authority that may sign: begun for any clock that is not more than [`SKEW`] behind, and not
/// at its end.
fn is_usable(authority: &Authority, now: OffsetDateTime) -> bool {
    authority.fact.begin <= now + SKEW && now < authority.fact.end
}

/// Whether an authority stays in the bundle: it is not past, and it could be one of ours, whose
/// time is bounded. A foreign one with a longer life leaves.
pub(super) fn stays(certificate: &CertificateDer<'_>, now: OffsetDateTime) -> bool {
    fact(certificate).is_some_and(|fact| {
        fact.is_authority && now <= fact.end + SKEW && fact.end <= now + CA_LIFETIME + SKEW
    })
}

/// What stays trusted beside a new authority: replicas still serve what an earlier one has signed.
fn kept(
    read: &Read<'_>,
    old: Vec<CertificateDer<'static>>,
    now: OffsetDateTime,
) -> Vec<CertificateDer<'static>> {
    let configured = read.configured.iter().flatten().cloned();
    bounded(old.into_iter().chain(configured), now, MOST_AUTHORITIES - 2)
}

/// The bundle for the configurations, if one of them has another: the Secret's, and what is in them
/// and not past yet.
fn publish(read: &Read<'_>, content: &Content, now: OffsetDateTime) -> Step {
    let own = content.bundle();
    let configured = read.configured.iter().flatten().cloned();
    let more = bounded(configured, now, MOST_AUTHORITIES.saturating_sub(own.len()));
    let mut bundle = own;
    bundle.extend(more);
    sort(&mut bundle);
    let differs = |configured: &Vec<CertificateDer<'static>>| {
        let mut configured = configured.clone();
        sort(&mut configured);
        configured != bundle
    };
    match read.configured.iter().any(differs) {
        true => Step::Publish(bundle),
        false => Step::Rest,
    }
}

/// Those that stay, each once, at most `most`: the ones that end last.
fn bounded(
    all: impl Iterator<Item = CertificateDer<'static>>,
    now: OffsetDateTime,
    most: usize,
) -> Vec<CertificateDer<'static>> {
    let mut kept: Vec<_> = all.filter(|certificate| stays(certificate, now)).collect();
    sort(&mut kept);
    kept.sort_by_key(|certificate| std::cmp::Reverse(fact(certificate).map(|fact| fact.end)));
    kept.truncate(most);
    kept
}

/// Each once, in an order that every replica finds.
fn sort(all: &mut Vec<CertificateDer<'static>>) {
    all.sort_by(|a, b| a.as_ref().cmp(b.as_ref()));
    all.dedup();
}

fn knows_all(read: &Read<'_>, wanted: &[CertificateDer<'static>]) -> bool {
    let mut bundles = read.configured.iter();
    bundles.all(|bundle| wanted.iter().all(|one| bundle.contains(one)))
}

fn signs(read: &Read<'_>, content: &Content, now: OffsetDateTime) -> Option<Cause> {
    let Some(serving) = &content.serving else {
        return Some(Cause::Absent);
    };
    let names = read.names.all();
    if !names.is_subset(&serving.fact.names) {
        return Some(Cause::Names);
    }
    // In its authority's last days a new one would end no later: there the next authority must
    // help.
    let later = (now + SERVING_LIFETIME).min(content.current.fact.end) > serving.fact.end;
    if later && serving.fact.end - now <= SERVING_RENEWAL {
        return Some(Cause::NearEnd);
    }
    let expected = read.names.expected();
    // A certificate of a clock that is ahead begins a little later than ours says.
    let at = now.max(serving.fact.begin);
    let is_known = serving.fact.begin <= now + SKEW
        && verifies(&serving.chain, &content.bundle(), &expected, at);
    (!is_known).then_some(Cause::Absent)
}
