// Small networks do not gain from threads inside an operator: an operator of a few hundred microseconds is over before the
// second thread has woken. Parts of the batch on threads of their own, with one thread per operator, use every core from the
// first operator of a forward pass to the last.

using System.Runtime.ExceptionServices;

namespace FlowBP.Surrogates;

/// <summary>
/// Threads that each take a part of a batch. While they exist, a matrix product uses one thread per caller, in the whole
/// process, so that the workers do not wait for each other's.
/// </summary>
public sealed class BatchWorkers : IDisposable
{
    private readonly Worker[] workers;
    private readonly IDisposable blas;

    /// <summary>Starts the threads.</summary>
    /// <param name="count">How many, at least 1.</param>
    public BatchWorkers(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        blas = BlasThreads.Use(1);
        List<Worker> started = [];
        try
        {
            for (var i = 0; i < count; i++)
            {
                started.Add(new Worker($"batch worker {i}"));
            }
        }
        catch
        {
            started.ForEach(worker => worker.Dispose());
            blas.Dispose();
            throw;
        }
        workers = [.. started];
    }

    /// <summary>How many.</summary>
    public int Count => workers.Length;

    /// <summary>
    /// Cuts rows 0 … <paramref name="rows"/> − 1 into at most <see cref="Count"/> consecutive parts, their sizes as equal
    /// as can be.
    /// </summary>
    /// <param name="rows">At least 1.</param>
    public IReadOnlyList<Range> Parts(int rows)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        var parts = Math.Min(rows, Count);
        return [.. Enumerable.Range(0, parts).Select(i => (rows * i / parts)..(rows * (i + 1) / parts))];
    }

    /// <summary>
    /// Runs every task and returns what they return, in order: task i on worker i mod <see cref="Count"/>, so that a
    /// result never depends on which thread was free. Dispose scopes and the gradient mode are those of the worker's thread:
    /// a task makes its own.
    /// </summary>
    /// <param name="tasks">The tasks. One that calls this method in turn would wait for itself.</param>
    /// <param name="discard">Frees what a task returned that nobody gets, because another one failed; null: nothing to free.</param>
    /// <exception cref="Exception">That of the first task (in their order) that failed; all have ended by then.</exception>
    public IReadOnlyList<T> Run<T>(IReadOnlyList<Func<T>> tasks, Action<T>? discard = null)
    {
        var results = new T[tasks.Count];
        var failures = new ExceptionDispatchInfo?[tasks.Count];
        using var done = new CountdownEvent(Math.Max(1, tasks.Count));
        for (var i = 0; i < tasks.Count; i++)
        {
            var task = i;
            workers[i % workers.Length]
                .Post(() =>
                {
                    try
                    {
                        results[task] = tasks[task]();
                    }
                    catch (Exception e)
                    {
                        failures[task] = ExceptionDispatchInfo.Capture(e);
                    }
                    done.Signal();
                });
        }
        if (tasks.Count > 0)
        {
            done.Wait();
        }
        if (failures.FirstOrDefault(failure => failure is not null) is { } first)
        {
            foreach (var (result, failure) in results.Zip(failures))
            {
                if (failure is null)
                {
                    discard?.Invoke(result);
                }
            }
            first.Throw();
        }
        return results;
    }

    /// <summary>Ends the threads; matrix products have the threads again that they had before.</summary>
    public void Dispose()
    {
        foreach (var worker in workers)
        {
            worker.Dispose();
        }
        blas.Dispose();
    }

    private sealed class Worker : IDisposable
    {
        private readonly System.Collections.Concurrent.BlockingCollection<Action> queue = [];
        private readonly Thread thread;

        public Worker(string name)
        {
            thread = new Thread(Work) { IsBackground = true, Name = name };
            thread.Start();
        }

        public void Post(Action action) => queue.Add(action);

        public void Dispose()
        {
            queue.CompleteAdding();
            thread.Join();
            queue.Dispose();
        }

        private void Work()
        {
            // Of this thread alone.
            torch.set_num_threads(1);
            foreach (var action in queue.GetConsumingEnumerable())
            {
                action();
            }
        }
    }
}
