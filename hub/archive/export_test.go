package archive

// SetLink makes a folder's file system one of another kind.
func (f *Folder) SetLink(link func(old, new string) error) { f.link = link }
