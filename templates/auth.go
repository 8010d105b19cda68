package templates

// SignIn is the data of "auth/signin". Login is what was typed, Back the path that was asked for.
type SignIn struct {
	Page
	Login string
	Back  string
}
