//! What `why` prints of a cluster, and what `profiles` prints.

use serde_json::{Value, json};

use super::CliError;
use super::args::Output;
use super::live::{Listed, Live, NamespaceView, place_word};
use super::report::{RED, Style, columns, line, structured};
use crate::annotation::printable;

/// What the cluster shows, below the decision.
pub(super) fn shown(text: &mut String, live: &Live, style: Style) {
    for pod in &live.pods {
        let status = printable(pod.status.as_deref().unwrap_or("none"));
        let copy = pod.copy_step.as_deref().unwrap_or("not there");
        let (name, phase) = (&pod.name, &pod.phase);
        line(
            text,
            &format!("  pod {name} ({phase}): status annotation {status}; copy step {copy}"),
        );
        if let Some(profile) = &pod.profile {
            let profile = crate::annotation::shown(profile);
            line(text, &format!("    profile when it was made: {profile}"));
        }
        for container in &pod.wrapped {
            line(
                text,
                &format!("    {container}: starts through the wrapper"),
            );
        }
        for container in &pod.unwrapped {
            line(
                text,
                &format!("    {container}: starts without the wrapper"),
            );
        }
        for container in &pod.unprotected {
            let error = style.paint(RED, "error:");
            line(
                text,
                &format!(
                    "    {error} {container} should start through the wrapper; make the pod anew"
                ),
            );
        }
    }
    for event in &live.refusals {
        let (about, reason, count) = (&event.about, &event.reason, event.count);
        let (about, message) = (printable(about), printable(&event.message));
        let last = &event.last;
        line(
            text,
            &format!("  refused: {about}, {count} times, last {last} ({reason}): {message}"),
        );
    }
    for note in &live.notes {
        line(text, &format!("  note: {note}"));
    }
}

/// The same for programs.
pub(super) fn record(live: &Live) -> Value {
    let pods = live.pods.iter().map(|pod| {
        json!({
            "name": pod.name,
            "phase": pod.phase,
            "status": pod.status,
            "appliedProfile": pod.profile,
            "copyStep": pod.copy_step,
            "wrapped": pod.wrapped,
            "unwrapped": pod.unwrapped,
            "unprotected": pod.unprotected,
        })
    });
    let refusals = live.refusals.iter().map(|event| {
        json!({
            "about": event.about,
            "reason": event.reason,
            "count": event.count,
            "last": event.last,
            "message": event.message,
        })
    });
    json!({
        "pods": pods.collect::<Vec<_>>(),
        "refusals": refusals.collect::<Vec<_>>(),
        "notes": live.notes,
    })
}

/// The report of `profiles`; of every namespace only what applies, else all that one namespace
/// sees.
///
/// # Errors
///
/// [`CliError`]: what cannot be written as YAML.
pub(super) fn profiles(
    views: &[NamespaceView],
    output: Output,
    only_default: bool,
) -> Result<String, CliError> {
    const HEAD: [&str; 7] = [
        "NAMESPACE",
        "PROFILE",
        "FROM",
        "USE",
        "SERVER",
        "ROLE",
        "STATE",
    ];
    if output != Output::Table {
        let records: Vec<Value> = views.iter().map(NamespaceView::record).collect();
        return structured(&records.into(), output);
    }
    let mut rows = Vec::new();
    for view in views {
        let before = rows.len();
        for one in &view.listed {
            if !only_default || Some(one) == view.default() {
                rows.push(row(&view.namespace, one));
            }
        }
        if rows.len() == before {
            let dash = || "-".to_owned();
            let name = view.namespace.clone();
            rows.push([
                name,
                "none".to_owned(),
                dash(),
                dash(),
                dash(),
                dash(),
                dash(),
            ]);
        }
    }
    let style = Style {
        has_colour: false,
        has_diff: false,
    };
    let mut text = columns(&HEAD.map(str::to_owned), &rows, style);
    for view in views {
        for one in &view.listed {
            if let Some(problem) = &one.problem {
                line(&mut text, &format!("error: {problem}"));
            }
        }
        if !only_default {
            details(&mut text, view);
        }
    }
    Ok(text)
}

fn row(namespace: &str, one: &Listed) -> [String; 7] {
    let spec = &one.profile.spec;
    let state = match (&one.problem, one.ready) {
        (Some(_), _) => "unusable",
        (None, Some(false)) => "usable, condition says not ready",
        (None, _) => "usable",
    };
    [
        namespace.to_owned(),
        one.profile.name.clone(),
        place_word(one.profile.scope).to_owned(),
        one.usage.word().to_owned(),
        spec.server.addresses.join(","),
        spec.auth.role.clone(),
        state.to_owned(),
    ]
}

fn details(text: &mut String, view: &NamespaceView) {
    if let Some(refusal) = &view.refusal {
        line(
            text,
            &format!("error: pods that opted in and name no profile are refused: {refusal}"),
        );
    }
    for one in &view.listed {
        let place = place_word(one.profile.scope);
        line(
            text,
            &format!("{} of the {place}: {}", one.profile.name, one.why),
        );
    }
}
