//! How much a pod may get.
//!
//! What the profile, an annotation or an image says once goes into every container, so a small pod
//! of many containers could make the answer, and whoever builds it, as large as it likes. Such a
//! pod could not be stored either.

use std::io;

use serde::Serialize;

use super::plan::ContainerPlan;
use super::reason::Refusal;

/// Bytes of JSON that all containers of a pod together may get, 1 MiB. Chosen: etcd takes no
/// request above 1.5 MiB (`--max-request-bytes`), in which the pod itself must have room; a
/// container gets some 2.5 KiB.
pub const MOST_ADDED: usize = 1 << 20;
/// Bytes of an operation of the patch beside its value. Measured: 59, of 850 containers.
const OPERATION: usize = 60;
/// Images that are looked up for one pod. Chosen: more containers than pods have that people
/// write. What lies beyond is not looked up, and its container is refused.
pub(super) const MOST_IMAGES: usize = 32;
/// Bytes of warnings after which no more are made. Chosen: the API server takes 4 KiB.
const MOST_WARNINGS: usize = 64 << 10;

/// What the containers of a pod get, counted while the plan is made: no more than one container
/// beyond the limit is ever built.
#[derive(Debug, Default)]
pub(super) struct Size {
    bytes: usize,
}

impl Size {
    /// Counts a container's part.
    pub(super) fn add(&mut self, plan: &ContainerPlan) -> Result<(), Refusal> {
        // Two for command and arguments.
        let operations = 2 + plan.env.len() + plan.mounts.len() + plan.execs.len();
        self.bytes = self.bytes.saturating_add(operations * OPERATION);
        self.count(&plan.argv);
        self.count(&plan.env);
        self.count(&plan.mounts);
        for exec in &plan.execs {
            self.count(&exec.command);
        }
        if self.bytes > MOST_ADDED {
            return Err(Refusal::TooLarge {
                container: plan.name.clone(),
                most: MOST_ADDED >> 10,
            });
        }
        Ok(())
    }

    fn count(&mut self, part: &impl Serialize) {
        // The counter takes everything, and these types have no map with keys that are no texts.
        // If one could not be written, making the patch fails, and the pod is refused.
        let _never = serde_json::to_writer(Counter(&mut self.bytes), part);
    }
}

/// Whether there are more warnings than anybody is told. The name in each is as long as the pod's
/// author likes: the API server checks names after us.
pub(super) fn is_enough(warnings: &[String]) -> bool {
    warnings.iter().map(String::len).sum::<usize>() > MOST_WARNINGS
}

/// Forgets what is written, and counts it.
struct Counter<'a>(&'a mut usize);

impl io::Write for Counter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        *self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
