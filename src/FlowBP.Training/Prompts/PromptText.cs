// The text of a file of prompts. Decoders put a question mark in a box where bytes mean nothing to them; here the file is refused.

using System.Text;

namespace FlowBP.Training;

/// <summary>Reads text strictly.</summary>
internal static class PromptText
{
    private static readonly UTF8Encoding Strict = new(
        encoderShouldEmitUTF8Identifier: false,
        throwOnInvalidBytes: true
    );

    /// <summary>The content of a file, without a byte order mark.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">It is not UTF-8.</exception>
    public static string Read(string path)
    {
        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"no prompt file {path}");
        }
        var bytes = File.ReadAllBytes(path);
        if (bytes is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..])
        {
            throw BadFile.Of(
                $"{path} is encoded in UTF-16, expected UTF-8: save it as UTF-8 (iconv -f UTF-16 -t UTF-8)"
            );
        }
        var content = bytes is [0xEF, 0xBB, 0xBF, ..] ? bytes.AsSpan(3) : bytes;
        if (content.StartsWith("version https://git-lfs.github.com/"u8))
        {
            throw BadFile.Of($"{path} is a Git LFS pointer: run git lfs pull, or fetch the file itself");
        }
        if (content.IndexOf((byte)0) is >= 0 and var zero)
        {
            throw BadFile.Of(
                $"{path}, line {LineOf(content, zero)} holds a zero byte: it is no text in UTF-8, but another encoding or a binary file"
            );
        }
        try
        {
            return Strict.GetString(content);
        }
        catch (DecoderFallbackException)
        {
            var at = FirstInvalid(content);
            throw BadFile.Of(
                $"{path}, line {LineOf(content, at)} is not valid UTF-8 (byte {content[at]:X2}): save the file as UTF-8"
            );
        }
    }

    /// <summary>
    /// Lines, ended by LF, CRLF or CR. What else Unicode calls a separator of lines may stand in a prompt, and in a text of JSON.
    /// </summary>
    public static string[] Lines(string text) => text.Replace("\r\n", "\n").Replace('\r', '\n').Split('\n');

    private static int LineOf(ReadOnlySpan<byte> content, int at) => content[..at].Count((byte)'\n') + 1;

    private static int FirstInvalid(ReadOnlySpan<byte> content)
    {
        var at = 0;
        while (at < content.Length)
        {
            if (Rune.DecodeFromUtf8(content[at..], out _, out var length) != System.Buffers.OperationStatus.Done)
            {
                return at;
            }
            at += length;
        }
        return content.Length - 1;
    }
}
