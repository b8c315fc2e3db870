package server

import (
	"context"
	"log"
	"log/slog"
	"math"
	"net/http"
	"net/netip"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"nghe/hub/intake"
)

// metrics serves Prometheus on the people's listener, to this machine only. The
// figures name no place, no device and no resident.
func (h *hub) metrics() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), h.intakeFigures())
	h.addSafety(registry)
	return onlyHere(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
}

// addSafety has a watcher hear what a hub without a store off its own disk says
// everywhere else, and of copies that are not made any more.
func (h *hub) addSafety(registry *prometheus.Registry) {
	gauge := func(name, help string, read func() float64) {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "nghe", Name: name, Help: help}, read))
	}
	gauge("off_disk_store", "1 while what arrives is kept off the hub's own disk too; 0: nothing is safe from its loss.", func() float64 {
		if h.shelf.offDisk() == "" {
			return 0
		}
		return 1
	})
	gauge("archive_lost_blobs", "Blobs that were archived, are missing or damaged there, and did not come back.", func() float64 {
		blobs, err := h.ledger.BlobTotals(context.Background())
		if err != nil {
			return math.NaN()
		}
		return float64(blobs.Lost)
	})
	gauge("retention_waiting_blobs", "Blobs that are due by the hub's clock and wait for another clock or an operator; hub status says why.", func() float64 {
		r, err := h.deletions.Retention(context.Background())
		if err != nil {
			return math.NaN()
		}
		return float64(r.Waiting)
	})
	gauge("chores_failing", "Chores whose last run failed; hub status says which and why.", func() float64 {
		all, err := h.done.Status(context.Background())
		if err != nil {
			return math.NaN()
		}
		failing := 0.0
		for _, c := range all {
			failing += float64(min(c.InARow, 1))
		}
		return failing
	})
	gauge("last_copy_timestamp_seconds", "The moment that the newest copy of decisions holds; 0: there is none.", func() float64 {
		notes, err := h.copies.Notes(context.Background())
		if err != nil || notes.CopyAt.IsZero() {
			return 0
		}
		return float64(notes.CopyAt.Unix())
	})
}

// onlyHere turns away whoever is not on this machine, also behind a proxy.
func onlyHere(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || !from.Addr().Unmap().IsLoopback() || r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != "" {
			http.Error(w, "metrics are for programs on the hub's own machine", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// figures shows what a snapshot of counters says, read once per scrape.
type figures struct {
	read func() intake.Stats
	all  []figure
}

type figure struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(intake.Stats) uint64
}

func (h *hub) intakeFigures() *figures {
	f := &figures{read: h.intake.Stats}
	add := func(name, help string, kind prometheus.ValueType, of func(intake.Stats) uint64) {
		f.all = append(f.all, figure{prometheus.NewDesc("nghe_intake_"+name, help, nil, nil), kind, of})
	}
	add("sessions", "Sessions open now.", prometheus.GaugeValue, func(s intake.Stats) uint64 { return s.Live })
	add("sessions_total", "Sessions opened.", prometheus.CounterValue, func(s intake.Stats) uint64 { return s.Opened })
	add("replaced_total", "Sessions ended by a newer one of the same device.", prometheus.CounterValue, func(s intake.Stats) uint64 { return s.Replaced })
	add("refused_total", "Devices refused at the door.", prometheus.CounterValue, func(s intake.Stats) uint64 { return s.Refused })
	add("malformed_total", "Sessions ended by what the kiosk sent.", prometheus.CounterValue, func(s intake.Stats) uint64 { return s.Malformed })
	add("silent_total", "Sessions ended by silence.", prometheus.CounterValue, func(s intake.Stats) uint64 { return s.Silent })
	add("failed_total", "Sessions ended by a fault of the hub.", prometheus.CounterValue, func(s intake.Stats) uint64 { return s.Failed })
	add("batches_total", "Batches stored.", prometheus.CounterValue, func(s intake.Stats) uint64 { return s.Batches })
	add("records_total", "Records stored.", prometheus.CounterValue, func(s intake.Stats) uint64 { return s.Records })
	add("bytes_total", "Bytes received from kiosks.", prometheus.CounterValue, func(s intake.Stats) uint64 { return s.Bytes })
	add("misfits_total", "Batches that did not continue the hub's journal.", prometheus.CounterValue, func(s intake.Stats) uint64 { return s.Misfits })
	add("commits_total", "Transactions the batches took.", prometheus.CounterValue, func(s intake.Stats) uint64 { return s.Commits })
	add("chunks_total", "Chunks of blobs, and questions about blobs.", prometheus.CounterValue, func(s intake.Stats) uint64 { return s.Chunks })
	add("blobs_total", "Blobs that came whole.", prometheus.CounterValue, func(s intake.Stats) uint64 { return s.Blobs })
	add("blob_waits_total", "Kiosks sent away with a blob for lack of room or a turn.", prometheus.CounterValue, func(s intake.Stats) uint64 { return s.BlobWaits })
	add("blobs_refused_total", "Blobs refused for good.", prometheus.CounterValue, func(s intake.Stats) uint64 { return s.Poisoned })
	add("blob_failures_total", "Failures of the hub to keep a blob.", prometheus.CounterValue, func(s intake.Stats) uint64 { return s.Unkept })
	add("enrolled_total", "Devices admitted.", prometheus.CounterValue, func(s intake.Stats) uint64 { return s.Enrolled })
	add("strangers_total", "Enrolments refused.", prometheus.CounterValue, func(s intake.Stats) uint64 { return s.Strangers })
	return f
}

// Describe implements prometheus.Collector.
func (f *figures) Describe(out chan<- *prometheus.Desc) {
	for _, one := range f.all {
		out <- one.desc
	}
}

// Collect implements prometheus.Collector.
func (f *figures) Collect(out chan<- prometheus.Metric) {
	stats := f.read()
	for _, one := range f.all {
		out <- prometheus.MustNewConstMetric(one.desc, one.kind, float64(one.of(stats)))
	}
}

// quiet takes what net/http has to say, mostly about strangers at the door.
func quiet(l *slog.Logger) *log.Logger { return slog.NewLogLogger(l.Handler(), slog.LevelDebug) }
