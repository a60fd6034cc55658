// Package job runs durable work. A Job is what a user sees: numbered per org,
// with a state, a log and progress per SObject. Its Task is the queue's side of
// it, created in the same transaction. Any number of nodes run a Queue on one
// database; a task is run by the node that holds its lease, which that node
// renews by the database's clock. When a node dies another takes over after
// the lease, from the task's last checkpoint.
//
// Whatever a run writes (log lines, progress, checkpoints, its outcome) is
// fenced: it lands only while the run still holds its lease. So a node that
// was thought dead and comes back cannot disturb the one that took over.
//
// Every wait here is woken by a signal (PostgreSQL's NOTIFY, or a channel
// within the one process that SQLite serves) and looks at the tables again
// then; behind each stands a slow poll, so that a lost signal costs time only.
package job
