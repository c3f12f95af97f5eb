//! From a [`Plan`] to a JSON patch (RFC 6902), made of typed operations and pointers by token.
//!
//! The patch is for the object as it was sent. Its order is fixed: volumes, containers, init
//! containers by their places, then our init container before them all, then the pod's own fields.
//! What is there already gets no operation, so that applying it twice changes nothing.

use std::collections::BTreeSet;

use cloudtaser_abi::annotation::{APPLIED_PROFILE, STATUS};
use cloudtaser_abi::injection::INIT_CONTAINER;
use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, MoveOperation, Patch, PatchOperation, ReplaceOperation};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::decide::{ContainerPlan, ExecWrap, List, Plan, wrapper_command};

/// The value of the annotation [`STATUS`].
const INJECTED: &str = "injected";

/// Why no patch could be made. Nothing in a pod should lead here: please report it. Fails closed:
/// the caller refuses the pod.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PatchError {
    /// A type of ours could not be written as JSON.
    #[error("cannot write an object of the patch")]
    Write(#[from] serde_json::Error),
    /// Plan and object do not belong together.
    #[error("the pod has no {field} number {index}")]
    Absent {
        /// The list.
        field: &'static str,
        /// The place.
        index: usize,
    },
}

/// The patch that carries out `plan` on `object`, the pod that the plan was made for.
///
/// # Errors
///
/// [`PatchError`].
pub fn make(plan: &Plan, object: &Value) -> Result<Patch, PatchError> {
    let mut patch = Builder {
        object,
        operations: Vec::new(),
        made: BTreeSet::new(),
    };
    for volume in &plan.volumes {
        let name = volume.name.as_str();
        if !patch.has_named(&["spec", "volumes"], name) {
            patch.append(&["spec", "volumes"], volume)?;
        }
    }
    let (init, app): (Vec<_>, Vec<_>) = plan
        .containers
        .iter()
        .partition(|container| container.list == List::Init);
    for container in app.into_iter().chain(init) {
        patch.container(container)?;
    }
    patch.init_first(plan)?;
    if let Some(seconds) = plan.grace_seconds {
        let path = ["spec", "terminationGracePeriodSeconds"];
        patch.set(&path, seconds.into());
    }
    for (key, value) in [(STATUS, INJECTED), (APPLIED_PROFILE, plan.profile.as_str())] {
        patch.annotate(key, value);
    }
    Ok(Patch(patch.operations))
}

struct Builder<'v> {
    object: &'v Value,
    operations: Vec<PatchOperation>,
    /// Lists and maps that an operation has made.
    made: BTreeSet<String>,
}

impl Builder<'_> {
    fn at(&self, path: &[&str]) -> Option<&Value> {
        path.iter()
            .try_fold(self.object, |value, token| match value {
                Value::Array(items) => items.get(token.parse::<usize>().ok()?),
                // A `null` is an absent field.
                other => other.get(*token).filter(|value| !value.is_null()),
            })
    }

    fn has_named(&self, path: &[&str], name: &str) -> bool {
        self.position(path, name).is_some()
    }

    fn position(&self, path: &[&str], name: &str) -> Option<usize> {
        let items = self.at(path)?.as_array()?;
        let is_named = |item: &Value| item.get("name").and_then(Value::as_str) == Some(name);
        items.iter().position(is_named)
    }

    fn add(&mut self, path: &[&str], value: Value) {
        let path = PointerBuf::from_tokens(path.iter().copied());
        self.operations
            .push(PatchOperation::Add(AddOperation { path, value }));
    }

    /// Adds a field, or replaces the one that is there.
    fn set(&mut self, path: &[&str], value: Value) {
        if self.at(path).is_none() {
            return self.add(path, value);
        }
        let path = PointerBuf::from_tokens(path.iter().copied());
        self.operations
            .push(PatchOperation::Replace(ReplaceOperation { path, value }));
    }

    /// Adds a field that is absent or `null`, unless an operation before has done so.
    fn ensure(&mut self, path: &[&str], value: impl FnOnce() -> Value) {
        if self.at(path).is_none() {
            let pointer = PointerBuf::from_tokens(path.iter().copied());
            if self.made.insert(pointer.to_string()) {
                self.add(path, value());
            }
        }
    }

    /// Puts an item at the end of a list, which is made where it is absent.
    fn append(&mut self, list: &[&str], item: &impl Serialize) -> Result<(), PatchError> {
        self.ensure(list, || Value::Array(Vec::new()));
        let mut path = list.to_vec();
        path.push("-");
        self.add(&path, serde_json::to_value(item)?);
        Ok(())
    }

    fn container(&mut self, plan: &ContainerPlan) -> Result<(), PatchError> {
        let index = plan.index.to_string();
        let field = plan.list.field();
        let base = ["spec", field, index.as_str()];
        // No name is an empty one to our types; the API server refuses such a pod after us.
        let name = self.at(&base).map(|container| container.get("name"));
        let name = name.map(|name| name.and_then(Value::as_str).unwrap_or_default());
        if name != Some(plan.name.as_str()) {
            let index = plan.index;
            return Err(PatchError::Absent { field, index });
        }
        let below = |field: &'static str| [base[0], base[1], base[2], field];
        self.set(&below("command"), serde_json::to_value(wrapper_command())?);
        self.set(&below("args"), serde_json::to_value(&plan.argv)?);
        for variable in &plan.env {
            self.append(&below("env"), variable)?;
        }
        for mount in &plan.mounts {
            self.append(&below("volumeMounts"), mount)?;
        }
        for ExecWrap { fields, command } in &plan.execs {
            let mut path = base.to_vec();
            path.extend(fields.iter());
            path.extend(["exec", "command"]);
            self.set(&path, serde_json::to_value(command)?);
        }
        Ok(())
    }

    /// Writes an annotation of ours over whatever a pod's author has put there.
    fn annotate(&mut self, key: &str, value: &str) {
        let path = ["metadata", "annotations", key];
        if self.at(&path).and_then(Value::as_str) != Some(value) {
            self.ensure(&["metadata"], || Value::Object(Map::new()));
            self.ensure(&["metadata", "annotations"], || Value::Object(Map::new()));
            self.set(&path, value.into());
        }
    }

    /// Our init container before every other, also where another webhook put one before it.
    fn init_first(&mut self, plan: &Plan) -> Result<(), PatchError> {
        let list = ["spec", "initContainers"];
        let first = ["spec", "initContainers", "0"];
        match self.position(&list, INIT_CONTAINER) {
            Some(0) => {}
            Some(place) => {
                let place = place.to_string();
                let from = PointerBuf::from_tokens(["spec", "initContainers", place.as_str()]);
                let path = PointerBuf::from_tokens(first);
                self.operations
                    .push(PatchOperation::Move(MoveOperation { from, path }));
            }
            None => {
                self.ensure(&list, || Value::Array(Vec::new()));
                self.add(&first, serde_json::to_value(&plan.init)?);
            }
        }
        Ok(())
    }
}
