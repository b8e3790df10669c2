// Every way in which a file on disk can disappoint a model ends in this one exception. Its message is a single line for
// the person at the keyboard: which file, which tensor or key, what was found, what was expected.

using System.Text.Json;
using FlowBP.Settings;

namespace FlowBP.Formats;

/// <summary>A checkpoint, configuration or vocabulary file is missing, damaged, or does not fit the model.</summary>
public sealed class CheckpointException : Exception
{
    /// <summary>Creates the exception from a complete one-line message.</summary>
    /// <param name="message">
    /// Names the file, the tensor or key, what was found and what was expected. What a file fills it with beyond a page is left out of
    /// its middle, and control characters, which a terminal would obey, are replaced.
    /// </param>
    /// <param name="inner">The error underneath, where there is one.</param>
    public CheckpointException(string message, Exception? inner = null)
        : base(MessageText.OneLine(message), inner) { }

    /// <summary>The exception for a file as a whole.</summary>
    /// <param name="file">The file.</param>
    /// <param name="problem">What was found and what was expected.</param>
    /// <param name="inner">The error underneath, where there is one.</param>
    public static CheckpointException ForFile(string file, string problem, Exception? inner = null) =>
        new($"{file}: {problem}", inner);

    /// <summary>Reads a file; a failure names the file and its cause.</summary>
    /// <param name="file">The file.</param>
    /// <param name="read">Reads it.</param>
    /// <param name="missing">What is said of a file that is not there.</param>
    /// <param name="failed">What is said of one that can't be read, before the cause.</param>
    /// <exception cref="CheckpointException">The file is missing, can't be read, or is no JSON where it is read as that.</exception>
    public static T Guard<T>(
        string file,
        Func<T> read,
        string missing = "no such file",
        string failed = "cannot be read"
    )
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw ForFile(file, missing, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw ForFile(file, $"{failed}: {e.Message}", e);
        }
        catch (JsonException e)
        {
            throw ForFile(file, $"is not valid JSON: {e.Message}", e);
        }
    }

    internal static CheckpointException ForTensor(string file, string tensor, string found, string expected) =>
        new($"{file}: tensor '{Shorten(tensor)}': found {found}, expected {expected}");

    /// <summary>Renders a shape as <c>[2, 3]</c>.</summary>
    internal static string Shape(ReadOnlySpan<long> shape) => $"[{string.Join(", ", shape.ToArray())}]";

    // A hostile header may hold a megabyte-long name; an error message should not.
    internal static string Shorten(string name) => MessageText.Shortened(name);
}
