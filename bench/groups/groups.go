// Go's contender of bench/groups/run: golang.org/x/sync/errgroup, channels and contexts, in the shapes of the Rust
// program beside it.
//
// `groups CASE COUNT [SIZE [LIMIT]]` prints the nanoseconds of one operation and the process's peak memory in KiB.
// Each case warms up with a part of its work, makes sure that all of the work was done, and leaves that check outside
// of what is timed.
package main

import (
	"context"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// job is how much a case has to do.
type job struct {
	count int // tasks, items, looks, cancellations: whatever the case is about, in all
	size  int // how many tasks there are in one group
	limit int // how many may be active at once; -1 for any number
}

// cases give the nanoseconds of one operation.
var cases = map[string]func(job) float64{
	"go":         tasks,
	"go-context": tasksWithContext,
	"go-idle":    fromIdle,
	"go-stage":   func(j job) float64 { return perOperation(j.count, pipeline) },
	"go-select":  func(j job) float64 { return perOperation(j.count, selectingPipeline) },
	"go-look":    look,
	"go-cancel":  cancel,
}

const (
	warmUp   = 10 // how many times shorter the warm-up is
	workers  = 4
	bound    = 64
	sleepers = 1000
	pause    = 2 * time.Millisecond  // in which whoever runs tasks goes to sleep
	settle   = 50 * time.Millisecond // in which those who are about to sleep do
)

func main() {
	if len(os.Args) == 1 {
		for name := range cases {
			fmt.Println(name)
		}
		return
	}
	run, j := cases[os.Args[1]], parse(os.Args[2:])
	if run == nil || j.count <= 0 || j.size <= 0 {
		fmt.Fprintln(os.Stderr, "usage: groups CASE COUNT [SIZE [LIMIT]]")
		os.Exit(1)
	}
	fmt.Println(run(j), peak())
}

func parse(arguments []string) job {
	numbers := []int{0, 0, -1}
	for i, argument := range arguments {
		number, err := strconv.Atoi(argument)
		if err != nil || i == len(numbers) {
			return job{}
		}
		numbers[i] = number
	}
	if len(arguments) == 1 {
		numbers[1] = numbers[0]
	}
	return job{numbers[0], numbers[1], numbers[2]}
}

// peak is the most memory that this process ever had resident, in KiB.
func peak() string {
	status, err := os.ReadFile("/proc/self/status")
	must(err)
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	return strings.Fields(after)[0]
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func tasks(j job) float64 {
	return perTask(j, func(marks []byte) { oneGroup(marks, j.limit) })
}

func oneGroup(marks []byte, limit int) {
	var g errgroup.Group
	if limit >= 0 {
		g.SetLimit(limit)
	}
	for i := range marks {
		mark := &marks[i]
		g.Go(func() error {
			*mark = 1
			return nil
		})
	}
	must(g.Wait())
}

func tasksWithContext(j job) float64 {
	return perTask(j, func(marks []byte) {
		g, _ := errgroup.WithContext(context.Background())
		for i := range marks {
			mark := &marks[i]
			g.Go(func() error {
				*mark = 1
				return nil
			})
		}
		must(g.Wait())
	})
}

// perTask times groups of one task for each mark: a byte that the task sets, so that it can be told that it ran.
func perTask(j job, group func(marks []byte)) float64 {
	run := func(marks []byte) {
		for from := 0; from < len(marks); from += j.size {
			to := from + j.size
			if to > len(marks) {
				to = len(marks)
			}
			group(marks[from:to])
		}
	}
	warm, all := make([]byte, (j.count+warmUp-1)/warmUp), make([]byte, j.count)
	run(warm)
	start := time.Now()
	run(all)
	took := time.Since(start)
	check(warm)
	check(all)
	return float64(took.Nanoseconds()) / float64(j.count)
}

func check(marks []byte) {
	for i, mark := range marks {
		if mark == 0 {
			panic(fmt.Sprintf("task %d of %d did not run", i, len(marks)))
		}
	}
}

func perOperation(count int, run func(count int)) float64 {
	run((count + warmUp - 1) / warmUp)
	start := time.Now()
	run(count)
	return float64(time.Since(start).Nanoseconds()) / float64(count)
}

func fromIdle(j job) float64 {
	all := make([]byte, j.count*j.size)
	times := make([]time.Duration, 0, j.count)
	for from := 0; from < len(all); from += j.size {
		time.Sleep(pause)
		start := time.Now()
		oneGroup(all[from:from+j.size], j.limit)
		times = append(times, time.Since(start))
	}
	check(all)
	return median(times)
}

func median(times []time.Duration) float64 {
	sort.Slice(times, func(i, k int) bool { return times[i] < times[k] })
	return float64(times[len(times)/2].Nanoseconds())
}

// pipeline is channels and nothing else: it could not be stopped before its end.
func pipeline(count int) {
	var source, crew errgroup.Group
	items, results := make(chan int, bound), make(chan int, bound)
	source.Go(func() error {
		defer close(items)
		for n := 0; n < count; n++ {
			items <- n
		}
		return nil
	})
	for i := 0; i < workers; i++ {
		crew.Go(func() error {
			for n := range items {
				results <- n
			}
			return nil
		})
	}
	go func() {
		crew.Wait()
		close(results)
	}()
	consume(results, count)
	must(source.Wait())
	must(crew.Wait())
}

// selectingPipeline is the same where an error would stop every stage, as in errgroup's documentation.
func selectingPipeline(count int) {
	source, ctx := errgroup.WithContext(context.Background())
	crew, ctx := errgroup.WithContext(ctx)
	items, results := make(chan int, bound), make(chan int, bound)
	send := func(to chan<- int, n int) error {
		select {
		case to <- n:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	source.Go(func() error {
		defer close(items)
		for n := 0; n < count; n++ {
			if err := send(items, n); err != nil {
				return err
			}
		}
		return nil
	})
	for i := 0; i < workers; i++ {
		crew.Go(func() error {
			for n := range items {
				if err := send(results, n); err != nil {
					return err
				}
			}
			return nil
		})
	}
	go func() {
		crew.Wait()
		close(results)
	}()
	consume(results, count)
	must(source.Wait())
	must(crew.Wait())
}

func consume(results <-chan int, count int) {
	sum := 0
	for n := range results {
		sum += n
	}
	if sum != count*(count-1)/2 {
		panic("items are missing")
	}
}

func look(j job) float64 {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	return perOperation(j.count, func(count int) {
		for i := 0; i < count; i++ {
			must(ctx.Err())
		}
	})
}

// cancel does not count the first time.
func cancel(j job) float64 {
	oneCancel()
	times := make([]time.Duration, j.count)
	for i := range times {
		times[i] = oneCancel()
	}
	return median(times)
}

func oneCancel() time.Duration {
	parent, stop := context.WithCancel(context.Background())
	g, ctx := errgroup.WithContext(parent)
	var arrived, left int64
	for i := 0; i < sleepers; i++ {
		g.Go(func() error {
			atomic.AddInt64(&arrived, 1)
			<-ctx.Done()
			atomic.AddInt64(&left, 1)
			return nil
		})
	}
	for atomic.LoadInt64(&arrived) < sleepers {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(settle)
	if atomic.LoadInt64(&left) != 0 {
		panic("a task did not sleep")
	}
	start := time.Now()
	stop()
	must(g.Wait())
	took := time.Since(start)
	if atomic.LoadInt64(&left) != sleepers {
		panic("a task did not leave")
	}
	return took
}
