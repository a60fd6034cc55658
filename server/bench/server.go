package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// serverProcess is the program itself, with its data in a folder.
type serverProcess struct {
	url     string
	process *exec.Cmd
}

// startServer builds the program and starts it beside an org.
func startServer(ctx context.Context, folder, orgURL string) (*serverProcess, error) {
	program := filepath.Join(folder, "holdfast")
	build := exec.CommandContext(ctx, "go", "build", "-tags", "nocloud", "-o", program, "./server") //nolint:gosec // our own folder
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return nil, fmt.Errorf("build the server: %w", err)
	}
	s := &serverProcess{process: exec.CommandContext(ctx, program)}
	s.process.Env = append(os.Environ(),
		"HOLDFAST_DATA="+filepath.Join(folder, "data"), "HOLDFAST_LISTEN=127.0.0.1:0", "HOLDFAST_SALESFORCE_HOSTS="+strings.TrimPrefix(orgURL, "http://"),
		"HOLDFAST_BEHIND_PROXY=true") // whoever asks names their address: one may not ask that often
	log, err := s.process.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		var line struct{ Msg, Address string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "serving" {
			s.url = line.Address
			go func() { _, _ = io.Copy(io.Discard, log) }()
			return s, nil
		}
	}
	return nil, errors.Join(errors.New("the server did not start"), s.process.Wait())
}

func (s *serverProcess) stop() error {
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return s.process.Wait()
}

// waited is how long the server's threads have been ready to run and were not,
// as others had the processors.
func (s *serverProcess) waited() time.Duration {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", s.process.Process.Pid))
	var sum int64
	for _, thread := range threads {
		text, _ := os.ReadFile(thread) //nolint:gosec // the kernel's own; a thread may have ended
		if fields := strings.Fields(string(text)); len(fields) == 3 {
			n, _ := strconv.ParseInt(fields[1], 10, 64)
			sum += n
		}
	}
	return time.Duration(sum)
}

// cpu is the processor time of the server so far, in the kernel's hundredths of
// a second.
func (s *serverProcess) cpu() time.Duration {
	const userAndSystem = 11 // the first of the two, after the name in parentheses
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.process.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	var ticks int64
	for _, field := range strings.Fields(rest)[userAndSystem : userAndSystem+2] {
		n, _ := strconv.ParseInt(field, 10, 64)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
