//! A cluster in memory, and replicas that are moved by hand: each poll is one request.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use cloudtaser_webhook::certificate::{
    Agreement, AgreementError, Bundle, Cluster, ClusterError, Configured, Data, Names,
    ReloadingCertificate, Report, Stored, certificates, verifies,
};
use time::{Duration, OffsetDateTime};

/// What is stored.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) now: OffsetDateTime,
    pub(crate) secret: Option<(u64, Data)>,
    pub(crate) bundles: Option<(u64, Vec<Vec<u8>>)>,
    versions: u64,
    /// The next request fails before it does anything.
    pub(crate) fails: bool,
    /// The next write is done, and its answer is lost.
    pub(crate) loses: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Memory(pub(crate) Arc<Mutex<World>>);

/// Waits for the second poll, so that every request is one step of the schedule.
async fn turn() {
    let seen = AtomicBool::new(false);
    std::future::poll_fn(|_| match seen.swap(true, Ordering::Relaxed) {
        false => Poll::Pending,
        true => Poll::Ready(()),
    })
    .await;
}

fn lost(verb: &'static str) -> ClusterError {
    ClusterError::Request {
        verb,
        object: "object in memory",
        source: "lost".into(),
    }
}

impl World {
    pub(crate) fn version(&mut self) -> u64 {
        self.versions += 1;
        self.versions
    }

    fn request(&mut self, verb: &'static str) -> Result<(), ClusterError> {
        match std::mem::take(&mut self.fails) {
            true => Err(lost(verb)),
            false => Ok(()),
        }
    }

    fn answer(&mut self) -> Result<(), ClusterError> {
        match std::mem::take(&mut self.loses) {
            true => Err(lost("write")),
            false => Ok(()),
        }
    }
}

impl Memory {
    pub(crate) fn new(webhooks: usize) -> Self {
        let world = World {
            now: OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap(),
            secret: None,
            bundles: Some((0, vec![Vec::new(); webhooks])),
            versions: 0,
            fails: false,
            loses: false,
        };
        Self(Arc::new(Mutex::new(world)))
    }
}

impl Cluster for Memory {
    async fn secret(&self) -> Result<Option<Stored>, ClusterError> {
        turn().await;
        let mut world = self.0.lock().unwrap();
        world.request("read")?;
        Ok(world.secret.as_ref().map(|(version, data)| Stored {
            version: version.to_string(),
            data: data.clone(),
        }))
    }

    async fn store(&self, data: &Data, version: Option<&str>) -> Result<(), ClusterError> {
        turn().await;
        let mut world = self.0.lock().unwrap();
        world.request("write")?;
        let found = world.secret.as_ref().map(|(found, _)| found.to_string());
        if found.as_deref() != version {
            return Err(ClusterError::Conflict { object: "Secret" });
        }
        world.secret = Some((world.version(), data.clone()));
        world.answer()
    }

    async fn configured(&self) -> Result<Option<Configured>, ClusterError> {
        turn().await;
        let mut world = self.0.lock().unwrap();
        world.request("read")?;
        Ok(world.bundles.as_ref().map(|(version, bundles)| Configured {
            version: version.to_string(),
            bundles: bundles
                .iter()
                .cloned()
                .enumerate()
                .map(|(index, pem)| Bundle { index, pem })
                .collect(),
        }))
    }

    async fn publish(&self, pem: &str, read: &Configured) -> Result<(), ClusterError> {
        turn().await;
        let mut world = self.0.lock().unwrap();
        world.request("patch")?;
        let version = world.version();
        match &mut world.bundles {
            Some((found, bundles)) if found.to_string() == read.version => {
                for bundle in &read.bundles {
                    bundles[bundle.index] = pem.as_bytes().to_vec();
                }
                *found = version;
            }
            _ => {
                return Err(ClusterError::Conflict {
                    object: "configuration",
                });
            }
        }
        world.answer()
    }
}

type Running = Pin<Box<dyn Future<Output = Result<Report, AgreementError>> + Send>>;

/// A replica, with a clock of its own.
pub(crate) struct Replica {
    pub(crate) shown: Arc<ReloadingCertificate>,
    agreement: Arc<Agreement<Memory>>,
    memory: Memory,
    skew: Duration,
    running: Option<Running>,
}

pub(crate) fn names() -> Names {
    Names {
        service: "cloudtaser-webhook".to_owned(),
        namespace: "cloudtaser".to_owned(),
        extra: ["127.0.0.1".to_owned()].into(),
    }
}

impl Replica {
    pub(crate) fn new(memory: &Memory, names: Names, skew: Duration) -> Self {
        let shown = Arc::new(ReloadingCertificate::default());
        let agreement = Agreement::new(memory.clone(), names, Arc::clone(&shown));
        Self {
            shown,
            agreement: Arc::new(agreement),
            memory: memory.clone(),
            skew,
            running: None,
        }
    }

    /// The next request of this replica; the result of a `sync`, when it ends one.
    pub(crate) fn poll(&mut self) -> Option<Result<Report, AgreementError>> {
        let running = self.running.get_or_insert_with(|| {
            let (agreement, memory) = (Arc::clone(&self.agreement), self.memory.clone());
            let skew = self.skew;
            Box::pin(async move { agreement.sync(|| memory.0.lock().unwrap().now + skew).await })
        });
        let mut context = Context::from_waker(Waker::noop());
        match pin!(running).poll(&mut context) {
            Poll::Pending => None,
            Poll::Ready(done) => {
                self.running = None;
                Some(done)
            }
        }
    }

    /// A whole `sync`, alone.
    pub(crate) fn sync(&mut self) -> Result<Report, AgreementError> {
        // 200: far above the requests of one.
        let mut polls = (0..200).map(|_| self.poll());
        polls.find_map(|done| done).unwrap()
    }

    /// Stopped in the middle and started anew: it has shown nothing yet.
    pub(crate) fn restart(&mut self) {
        *self = Self::new(&self.memory, names(), self.skew);
    }

    /// Whether an API server takes what is served; nothing while nothing is, or what is served is
    /// past.
    pub(crate) fn is_taken(&self) -> Option<bool> {
        let world = self.memory.0.lock().unwrap();
        let loaded = self.shown.loaded()?;
        if loaded.end < world.now {
            return None;
        }
        let expected = names().expected();
        let (_, bundles) = world.bundles.as_ref()?;
        let mut taken = bundles
            .iter()
            .map(|bundle| verifies(&loaded.chain, &certificates(bundle), &expected, world.now));
        Some(taken.all(|taken| taken))
    }
}
