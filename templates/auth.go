package templates

// SignIn is the data of "auth/signin". Login is what was typed, Back the path that was asked for.
type SignIn struct {
	Page
	Login string
	Back  string
}

// SignInLink is the data of "auth/link": the page before a one-time link is used. Action is where its button posts to.
type SignInLink struct {
	Page
	Action string
	Token  string
}
