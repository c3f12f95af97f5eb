//! Where the API keeps things: `/api/v1/…` and `/apis/GROUP/VERSION/…`.

/// A resource of a group that belongs to no namespace, such as
/// `rbac.authorization.k8s.io/v1` and `clusterroles`.
#[must_use]
pub fn cluster(group: &str, resource: &str) -> String {
    format!("{}/{resource}", root(group))
}

/// A resource of a group in a namespace. The group of pods and of whatever is as old is `v1`.
#[must_use]
pub fn within(group: &str, namespace: &str, resource: &str) -> String {
    format!("{}/namespaces/{namespace}/{resource}", root(group))
}

fn root(group: &str) -> String {
    match group {
        "v1" => "/api/v1".to_owned(),
        group => format!("/apis/{group}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_group_stands_apart() {
        assert_eq!(within("v1", "a", "pods"), "/api/v1/namespaces/a/pods");
        assert_eq!(cluster("v1", "nodes"), "/api/v1/nodes");
        let path = within("apps/v1", "a", "deployments");
        assert_eq!(path, "/apis/apps/v1/namespaces/a/deployments");
    }
}
