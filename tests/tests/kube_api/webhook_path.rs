//! The thin path: a real API server asks the real program over TLS, and a pod that opted in comes
//! back with its wrapper.

use cloudtaser_tests::kube::Installed;
use cloudtaser_tests::kube::installed::{is_wrapped, wanted};
use cloudtaser_tests::kube::namespace::pod;

#[test]
fn an_opted_in_pod_is_wrapped_and_another_is_left_alone() {
    let installed = Installed::shared();
    let admin = installed.api.admin();
    let namespace = installed.api.namespace("path");
    let created = admin.create(&namespace.pods(), &wanted("in"));
    assert!(is_wrapped(&created), "{created}");
    let created = admin.create(&namespace.pods(), &pod("out"));
    assert!(!is_wrapped(&created), "{created}");
}
