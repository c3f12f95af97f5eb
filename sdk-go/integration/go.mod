// Tests of the SDK that need what the SDK itself does without: a PostgreSQL driver, and the
// programs that the tests in Rust start. Nobody imports it.
module cloudtaser.io/sdk-go/integration

go 1.24

require cloudtaser.io/sdk-go v0.0.0

replace cloudtaser.io/sdk-go => ../
