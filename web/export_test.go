package web

// Address is a method and a path that the server answers to.
type Address struct{ Method, Path string }

// Addresses are all of them, for tests that try each.
func Addresses() []Address {
	var out []Address
	for _, rt := range new(Server).routes() {
		out = append(out, Address{rt.method, rt.path})
	}
	return out
}
