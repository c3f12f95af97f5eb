// The Go SDK of CloudTaser. Standard library only: whoever protects secrets with it audits nothing
// else. What needs a driver or another library is tested in the module below integration/.
module cloudtaser.io/sdk-go

go 1.24
