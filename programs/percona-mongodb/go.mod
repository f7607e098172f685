// Only manifests are taken from the module. Its programs come in upstream's image, with scripts that
// the module does not have in the form of an image.
module lab/programs/percona-mongodb

go 1.25.1

require github.com/percona/percona-server-mongodb-operator v1.22.0
