// Go's MD5All: the bounded pipeline of the errgroup documentation, a walk that feeds 20 digesters. As there, a digester
// reads a file whole. Prints md5sum's lines, unsorted and through one buffer: no work that its rivals might not do.
package main

import (
	"bufio"
	"context"
	"crypto/md5"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"
)

const digesters = 20

type result struct {
	path string
	sum  [md5.Size]byte
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: md5all DIR")
		os.Exit(2)
	}
	sums, err := MD5All(context.Background(), os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for path, sum := range sums {
		fmt.Fprintf(out, "%x  %s\n", sum, path)
	}
}

// MD5All reads all the files in the file tree rooted at root and returns a map from file path to the MD5 sum of the
// file's contents. If the directory walk fails or any read operation fails, MD5All returns an error.
func MD5All(ctx context.Context, root string) (map[string][md5.Size]byte, error) {
	g, ctx := errgroup.WithContext(ctx)
	paths := make(chan string)
	g.Go(func() error {
		defer close(paths)
		return walk(ctx, root, paths)
	})

	results := make(chan result)
	for i := 0; i < digesters; i++ {
		g.Go(func() error { return digest(ctx, paths, results) })
	}
	go func() {
		g.Wait()
		close(results)
	}()

	sums := make(map[string][md5.Size]byte)
	for r := range results {
		sums[r.path] = r.sum
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return sums, nil
}

func walk(ctx context.Context, root string, paths chan<- string) error {
	return filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return nil
		}
		select {
		case paths <- path:
		case <-ctx.Done():
			return ctx.Err()
		}
		return nil
	})
}

func digest(ctx context.Context, paths <-chan string, results chan<- result) error {
	for path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		select {
		case results <- result{path, md5.Sum(data)}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
