module tests/servers

go 1.26

require github.com/hashicorp/vault v1.21.0

require github.com/hashicorp/vault-plugin-auth-kubernetes v0.23.0 // indirect

replace github.com/hashicorp/vault/api => github.com/hashicorp/vault/api v1.22.0

replace github.com/hashicorp/vault/sdk => github.com/hashicorp/vault/sdk v0.20.0

replace github.com/99designs/keyring => github.com/Jeffail/keyring v1.2.3
