package account

// unlink removes the link to an upstream account, if there is another way to sign in.
func (v *visit) unlink() error {
	err := v.Credentials.Unlink(v.r.Context(), v.change(), v.r.PostForm.Get("id"))
	return v.removed(err, doneUnlinked)
}
