//! The middle of the four steps in one call: what the webhook does with a pod, and what
//! `kubectl cloudtaser lint` shows of it. One engine, so that they cannot differ.

use json_patch::{Patch, PatchOperation};
use serde_json::Value;

use crate::decide::{Decision, Facts, Input, SkipReason, Verdict, decide};
use crate::patch::{self, PatchError};
use crate::review::Answer;

/// A verdict, and the patch that carries it out; empty unless something is injected.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was decided.
    pub verdict: Verdict,
    /// What changes.
    pub patch: Patch,
}

/// Decides about a pod and makes the patch for `object`, the pod as it was sent.
///
/// # Errors
///
/// [`PatchError`]; the caller refuses the pod (fail closed).
pub fn run(input: &Input<'_>, object: &Value, facts: &Facts) -> Result<Outcome, PatchError> {
    let verdict = decide(input, facts);
    let patch = match &verdict.decision {
        Decision::Inject(plan) => patch::make(plan, object)?,
        Decision::Skip(_) | Decision::Deny(_) => Patch(Vec::new()),
    };
    Ok(Outcome { verdict, patch })
}

/// A text with the control characters in it shown, so that a name in a pod is no line of its own
/// and changes nobody's terminal: nothing in a pod was checked by the API server yet.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => line.extend(c.escape_default()),
            false => line.push(c),
        }
    }
    line
}

impl Outcome {
    /// A pod that nothing is done with, without a look at it.
    #[must_use]
    pub fn skip(reason: SkipReason) -> Self {
        let decision = Decision::Skip(reason);
        Self {
            verdict: Verdict {
                decision,
                warnings: Vec::new(),
            },
            patch: Patch(Vec::new()),
        }
    }

    /// The answer for the API server.
    #[must_use]
    pub fn into_answer(self) -> Answer {
        let Verdict { decision, warnings } = self.verdict;
        let warnings = warnings.iter().map(|text| one_line(text)).collect();
        match decision {
            Decision::Deny(refusal) => Answer::Deny {
                message: one_line(&format!("cloudtaser: {refusal}")),
                warnings,
            },
            Decision::Skip(_) | Decision::Inject(_) => Answer::Allow {
                patch: self.patch,
                warnings,
            },
        }
    }

    /// The decision's word for log and metrics. `inject` counts a pod once: the API server asks
    /// again about many, after a plugin of its own or another webhook has changed them.
    #[must_use]
    pub fn decision(&self) -> &'static str {
        match &self.verdict.decision {
            Decision::Skip(_) => "skip",
            Decision::Deny(_) => "deny",
            Decision::Inject(_) if self.is_unchanged() => "unchanged",
            Decision::Inject(plan) if plan.is_again => "complete",
            Decision::Inject(_) => "inject",
        }
    }

    /// The reason's word.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match &self.verdict.decision {
            Decision::Skip(reason) => reason.reason(),
            Decision::Deny(refusal) => refusal.reason(),
            Decision::Inject(_) if self.is_unchanged() => "already_injected",
            Decision::Inject(plan) if plan.is_again => "completed",
            Decision::Inject(_) => "injected",
        }
    }

    /// Whether nothing changes but what we tell about ourselves.
    fn is_unchanged(&self) -> bool {
        let is_told = |operation: &PatchOperation| {
            let mut tokens = operation.path().tokens();
            let first = [tokens.next(), tokens.next()];
            first.map(|token| token.map(|token| token.decoded().into_owned()))
                == ["metadata", "annotations"].map(|token| Some(token.to_owned()))
        };
        self.patch.iter().all(is_told)
    }
}
