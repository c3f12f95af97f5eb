//! Puts the running webhook together, and takes it apart in order.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::args::{Cli, Images};
use super::connections::Connections;
use super::gate::Gate;
use super::http::{self, Asked};
use super::keep;
use super::listen::{self, Listening};
use super::metrics::Metrics;
use super::probes::{self, Probed};
use super::ready::Readiness;
use super::registries::Registries;
use super::settings::Limits;
use super::shutdown::{Phase, Signals, Teller, phases};
use crate::certificate::{
    Agreement, FilePair, KubernetesCluster, Names, Place, ReloadError, ReloadingCertificate,
};
use crate::decide::Operator;
use crate::image::{
    CacheCounters, CredentialsError, ImageResolver, PullSecret, PullSecretKind, SettingsError,
};
use crate::lookup::events::{self, Events};
use crate::lookup::{KubeCluster, Lookup, ProfileStore, status, watch};
use crate::profile::Scope;
use crate::serve::admit::Admission;

/// Objects whose conditions wait to be looked at. Chosen: a list of profiles is looked at in one
/// go.
const SEEN: usize = 1024;
/// Connections of kubelet and Prometheus. Chosen: each has one or two.
const PROBES: usize = 64;

/// Why the webhook does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The operator must act.
    #[error("cannot read `{}`", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The operator must act.
    #[error("cannot use the registries in `{}`", file.display())]
    Registries {
        /// Which.
        file: PathBuf,
        /// Where in it.
        #[source]
        source: Box<serde_saphyr::Error>,
    },
    /// The operator must act.
    #[error("cannot use the logins in `{}`", file.display())]
    Logins {
        /// Which.
        file: PathBuf,
        /// Why.
        #[source]
        source: CredentialsError,
    },
    /// The operator must act.
    #[error("cannot look up images")]
    Images(#[from] SettingsError),
    /// The operator must act.
    #[error("cannot use the kubeconfig `{}`", file.display())]
    Kubeconfig {
        /// Which.
        file: PathBuf,
        /// Why.
        #[source]
        source: kube::config::KubeconfigError,
    },
    /// The environment: we do not run in a pod.
    #[error("there is no cluster here: give --kubeconfig, or run in a pod with a service account")]
    InCluster(#[source] kube::config::InClusterError),
    /// The environment.
    #[error("cannot prepare the client of the cluster")]
    Client(#[source] kube::Error),
    /// The operator must act.
    #[error("cannot use the files of --tls-cert and --tls-key")]
    Certificate(#[from] ReloadError),
    /// The environment.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A bug.
    #[error("cannot tell where we listen")]
    Address(#[source] std::io::Error),
    /// A bug.
    #[error("cannot prepare TLS")]
    Tls(#[source] rustls::Error),
    /// The environment.
    #[error("cannot wait for signals")]
    Signals(#[source] std::io::Error),
    /// A bug: what should run for ever did not.
    #[error("a part of the webhook has ended; this is a bug, please report it")]
    Ended,
}

impl RunError {
    /// The exit status, as `sysexits.h` has it.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self {
            Self::Registries { .. } | Self::Logins { .. } | Self::Images(_) => 64,
            Self::Kubeconfig { .. }
            | Self::Certificate(ReloadError::Pair | ReloadError::Key(_)) => 64,
            Self::File { .. } | Self::Certificate(_) => 66,
            Self::InCluster(_) | Self::Client(_) | Self::Listen { .. } => 69,
            Self::Address(_) | Self::Tls(_) | Self::Signals(_) | Self::Ended => 70,
        }
    }
}

/// What is shared by the parts.
struct Parts {
    client: Client,
    metrics: Arc<Metrics>,
    profiles: Arc<ProfileStore>,
    certificate: Arc<ReloadingCertificate>,
    readiness: Arc<Readiness>,
    background: JoinSet<()>,
}

/// Runs until a signal, and ends in order.
///
/// # Errors
///
/// [`RunError`].
pub async fn run(cli: &Cli) -> Result<(), RunError> {
    let mut signals = Signals::new().map_err(RunError::Signals)?;
    let limits = cli.limits.limits();
    let (phase, told) = phases();
    let certificate = Arc::<ReloadingCertificate>::default();
    let profiles = Arc::<ProfileStore>::default();
    let readiness = Readiness::new(
        Arc::clone(&certificate),
        Arc::clone(&profiles),
        told.clone(),
        limits.stale,
    );
    let metrics = Arc::<Metrics>::default();
    let (images, logins) = (
        resolver(&cli.images, metrics.image_cache.clone())?,
        logins(cli.images.pull_config.as_deref())?,
    );
    let mut parts = Parts {
        client: client(cli.cluster.kubeconfig.as_deref()).await?,
        metrics,
        profiles,
        certificate,
        readiness: Arc::new(readiness),
        background: JoinSet::new(),
    };
    let reviews = bind(cli.listen).await?;
    let probes = bind(cli.probes).await?;
    parts.keep_certificate(cli)?;
    parts.keep_profiles();
    let admission = Arc::new(parts.admission(cli, images, logins));
    let connections = Connections::new(limits.connections);
    let gate = Arc::new(Gate::new(&limits));
    let listening = Listening {
        router: http::router(Arc::new(Asked {
            admission,
            gate: Arc::clone(&gate),
            connections: Arc::clone(&connections),
            limits: limits.clone(),
        })),
        tls: Some(listen::tls(parts.certificate.clone()).map_err(RunError::Tls)?),
        connections: Arc::clone(&connections),
        limits: limits.clone(),
        metrics: Arc::clone(&parts.metrics),
        phase: told.clone(),
    };
    let probing = Listening {
        router: probes::router(Probed {
            readiness: Arc::clone(&parts.readiness),
            metrics: Arc::clone(&parts.metrics),
            certificate: Arc::clone(&parts.certificate),
            profiles: Arc::clone(&parts.profiles),
            connections,
            gate,
        }),
        tls: None,
        connections: Connections::new(PROBES),
        ..listening.clone()
    };
    tracing::info!(
        reviews = %address(&reviews)?,
        probes = %address(&probes)?,
        version = env!("CARGO_PKG_VERSION"),
        "listening"
    );
    let mut servers = JoinSet::new();
    servers.spawn(listening.serve(reviews));
    // Probes are answered to the very end.
    parts.background.spawn(probing.serve(probes));
    let outcome = until_asked(&mut signals, &mut parts.background, &mut servers).await;
    end(&phase, &limits, &mut servers).await;
    outcome
}

/// Waits for the signal. What should run for ever and ends takes the whole down, in order, so that
/// it is started anew: a replica whose profiles are not watched any more must not go on deciding.
async fn until_asked(
    signals: &mut Signals,
    background: &mut JoinSet<()>,
    servers: &mut JoinSet<()>,
) -> Result<(), RunError> {
    tokio::select! {
        signal = signals.asked() => {
            tracing::info!(signal, "ending");
            Ok(())
        }
        _ended = background.join_next() => Err(RunError::Ended),
        _ended = servers.join_next() => Err(RunError::Ended),
    }
}

async fn end(phase: &Teller, limits: &Limits, servers: &mut JoinSet<()>) {
    phase.send_replace(Phase::Draining);
    sleep(limits.drain).await;
    phase.send_replace(Phase::Closing);
    while servers.join_next().await.is_some() {}
    tracing::info!("ended");
}

impl Parts {
    fn keep_certificate(&mut self, cli: &Cli) -> Result<(), RunError> {
        let (shown, metrics) = (&self.certificate, Arc::clone(&self.metrics));
        let given = &cli.certificate;
        if let (Some(certificate), Some(key)) = (&given.tls_cert, &given.tls_key) {
            let files = FilePair::new(certificate.clone(), key.clone(), Arc::clone(shown));
            files.sync()?;
            self.readiness.trusted(true);
            self.background.spawn(keep::files(files, metrics));
            return Ok(());
        }
        let names = Names {
            service: cli.cluster.service.clone(),
            namespace: cli.cluster.namespace.clone(),
            extra: given.extra_names.iter().cloned().collect::<BTreeSet<_>>(),
        };
        let place = Place {
            secret: given.secret.clone(),
            configuration: cli.cluster.configuration.clone(),
            names: names.clone(),
        };
        let cluster = KubernetesCluster::new(&self.client, place);
        let agreement = Agreement::new(cluster, names, Arc::clone(shown));
        let readiness = Arc::clone(&self.readiness);
        let keeping = keep::agreement(agreement, Arc::clone(shown), readiness, metrics);
        self.background.spawn(keeping);
        Ok(())
    }

    fn keep_profiles(&mut self) {
        let (seen, out) = mpsc::channel(SEEN);
        for scope in [Scope::Namespace, Scope::Cluster] {
            let (client, store) = (self.client.clone(), Arc::clone(&self.profiles));
            self.background
                .spawn(watch::keep(client, scope, store, seen.clone()));
        }
        self.background
            .spawn(status::keep(self.client.clone(), out));
    }

    fn admission(
        &mut self,
        cli: &Cli,
        images: ImageResolver,
        logins: Vec<PullSecret>,
    ) -> Admission {
        let events = (!cli.cluster.no_events).then(|| {
            let (events, queue) = Events::new(Arc::clone(&self.metrics));
            let (client, metrics) = (self.client.clone(), Arc::clone(&self.metrics));
            self.background.spawn(events::keep(client, queue, metrics));
            events
        });
        let lookup = Lookup {
            cluster: Arc::new(KubeCluster::new(self.client.clone())),
            images,
            default_pull: logins,
            architecture: cli.images.architecture.clone(),
            metrics: Arc::clone(&self.metrics),
        };
        Admission {
            lookup,
            profiles: Arc::clone(&self.profiles),
            operator: Operator {
                image: cli.copy_image.clone(),
            },
            metrics: Arc::clone(&self.metrics),
            events,
        }
    }
}

fn resolver(images: &Images, counters: CacheCounters) -> Result<ImageResolver, RunError> {
    let registries = match &images.registries {
        None => Registries::default(),
        Some(file) => Registries::read(&text(file)?).map_err(|source| RunError::Registries {
            file: file.clone(),
            source,
        })?,
    };
    Ok(ImageResolver::counted(&registries.settings(), counters)?)
}

fn logins(file: Option<&Path>) -> Result<Vec<PullSecret>, RunError> {
    let Some(file) = file else {
        return Ok(Vec::new());
    };
    let text = zeroize::Zeroizing::new(text(file)?);
    let read = PullSecret::read(
        "--pull-config",
        PullSecretKind::DockerConfigJson,
        text.as_bytes(),
    );
    let read = read.map_err(|source| RunError::Logins {
        file: file.to_owned(),
        source,
    })?;
    Ok(vec![read])
}

fn text(file: &Path) -> Result<String, RunError> {
    std::fs::read_to_string(file).map_err(|source| RunError::File {
        file: file.to_owned(),
        source,
    })
}

async fn client(kubeconfig: Option<&Path>) -> Result<Client, RunError> {
    let config = match kubeconfig {
        None => Config::incluster().map_err(RunError::InCluster)?,
        Some(file) => {
            let failed = |source| RunError::Kubeconfig {
                file: file.to_owned(),
                source,
            };
            let _read = text(file)?;
            let read = Kubeconfig::read_from(file).map_err(failed)?;
            let options = KubeConfigOptions::default();
            Config::from_custom_kubeconfig(read, &options)
                .await
                .map_err(failed)?
        }
    };
    Client::try_from(config).map_err(RunError::Client)
}

async fn bind(address: SocketAddr) -> Result<TcpListener, RunError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|source| RunError::Listen { address, source })
}

/// With the port that the system chose, where the operator left it open.
fn address(listener: &TcpListener) -> Result<SocketAddr, RunError> {
    listener.local_addr().map_err(RunError::Address)
}
