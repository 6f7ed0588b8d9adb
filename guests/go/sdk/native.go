//go:build !wasip1

package millstream

// importState is for components: natively, state is what a harness brings.
func importState() {}
