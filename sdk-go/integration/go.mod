// Tests of the SDK that need what the SDK itself does without: a PostgreSQL driver, and the
// programs that the tests in Rust start. Nobody imports it.
module cloudtaser.io/sdk-go/integration

go 1.24.0

require (
	cloudtaser.io/sdk-go v0.0.0
	github.com/jackc/pgx/v5 v5.8.0
	github.com/knadh/koanf/parsers/json v1.0.1
	github.com/knadh/koanf/providers/confmap v1.0.1
	github.com/knadh/koanf/providers/fs v1.0.1
	github.com/knadh/koanf/v2 v2.2.0
)

require (
	github.com/go-viper/mapstructure/v2 v2.2.1 // indirect
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	github.com/jackc/puddle/v2 v2.2.2 // indirect
	github.com/knadh/koanf/maps v0.1.2 // indirect
	github.com/mitchellh/copystructure v1.2.0 // indirect
	github.com/mitchellh/reflectwalk v1.0.2 // indirect
	golang.org/x/sync v0.17.0 // indirect
	golang.org/x/text v0.29.0 // indirect
)

replace cloudtaser.io/sdk-go => ../
