// Holdfast keeps every version of a Salesforce org's records, files and
// metadata, and gives them back.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/holdfast-backup/holdfast/server/config"
)

// commands are what the program can be told to do.
type commands struct {
	Config  kong.ConfigFlag `help:"Read settings from this JSON file." placeholder:"FILE"`
	Serve   serveCommand    `cmd:"" default:"withargs" help:"Run the server (the default)."`
	Demo    demoCommand     `cmd:"" help:"Show a server with a simulated org and a few days of history."`
	Smoke   smokeCommand    `cmd:"" hidden:"" help:"Drive the main job end to end against a simulated org."`
	Harness harnessCommand  `cmd:"" hidden:"" help:"Serve what Time Machine's browser tests drive."`
	Vault   vaultCommand    `cmd:"" help:"Look into the vault, verify it, rebuild its manifest."`
	Version versionCommand  `cmd:"" help:"Print the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	parsed := kong.Parse(&commands{}, kong.Name("holdfast"), kong.UsageOnError(),
		kong.Description("Keeps every version of a Salesforce org's records and gives them back."),
		kong.Configuration(kong.JSON, "/etc/holdfast.json"),
		kong.BindTo(ctx, (*context.Context)(nil)))
	parsed.FatalIfErrorf(parsed.Run())
}

type serveCommand struct {
	config.Config `embed:""`
}

// Run serves until the program is told to stop.
func (c serveCommand) Run(ctx context.Context) error {
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: c.LogLevel}))
	program := &Main{Config: c.Config, Log: log}
	if err := program.Run(ctx); err != nil {
		return err
	}
	log.Info("serving", "address", program.URL(), "version", version())
	<-ctx.Done()
	log.Info("stopping")
	return program.Close()
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run() error {
	_, err := fmt.Println(version())
	return err
}

// version is what the build was made from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return info.Main.Version + " " + setting.Value
		}
	}
	return info.Main.Version
}
