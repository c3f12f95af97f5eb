//! `profiles`: which profile applies where.

use kube::api::ListParams;
use serde_json::Value;

use super::applies::NamespaceView;
use super::connection::Server;
use super::{CLUSTER_PROFILES, LiveError, NAMESPACES, PROFILES, labels};
use crate::cli::args::Listing;
use crate::cli::judge::Place;
use crate::lookup::ProfileStore;
use crate::profile::{NamespaceFacts, Scope};

/// What each namespace that was asked for gets, in the order of their names.
///
/// # Errors
///
/// [`LiveError`].
pub async fn profiles(args: &Listing) -> Result<Vec<NamespaceView>, LiveError> {
    let server = Server::new(&args.connection).await?;
    let all = ListParams::default;
    let cluster = server.list(CLUSTER_PROFILES, None, all()).await?;
    if args.all_namespaces {
        let own = server.list(PROFILES, None, all()).await?;
        let mut namespaces = server.list(NAMESPACES, None, all()).await?;
        namespaces.sort_by_key(|namespace| name(namespace).to_owned());
        let views = namespaces.iter().map(|namespace| {
            let mut own = own.clone();
            let wanted = Some(&Value::from(name(namespace)));
            own.retain(|object| object.pointer("/metadata/namespace") == wanted);
            view(namespace, &own, &cluster)
        });
        return Ok(views.collect());
    }
    let wanted = args.namespace.as_ref().unwrap_or(&server.namespace);
    let own = server.list(PROFILES, Some(wanted), all()).await?;
    let found = server.get(NAMESPACES, None, wanted).await?;
    let namespace = found.ok_or_else(|| LiveError::NotFound {
        what: format!("namespace `{wanted}`"),
        hint: "",
    })?;
    Ok(vec![view(&namespace, &own, &cluster)])
}

fn name(object: &Value) -> &str {
    let name = object.pointer("/metadata/name").and_then(Value::as_str);
    name.unwrap_or_default()
}

fn view(namespace: &Value, own: &[Value], cluster: &[Value]) -> NamespaceView {
    let store = ProfileStore::default();
    store.replace(Scope::Namespace, own);
    store.replace(Scope::Cluster, cluster);
    let place = Place {
        namespace: NamespaceFacts {
            name: name(namespace).to_owned(),
            labels: labels(namespace),
        },
        profiles: store.snapshot().of(name(namespace)).clone(),
    };
    NamespaceView::new(&place, own, cluster)
}
