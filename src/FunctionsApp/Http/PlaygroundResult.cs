using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using FunctionsApp.Core.Patterns;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace FunctionsApp.Http;

/// <summary>
/// The playground. Its sources are separate files, to be readable. The first request combines them into one page, so that a
/// browser renders it after one request.
/// </summary>
/// <param name="patterns">Returns the patterns that can run as tasks; called on the first request.</param>
/// <param name="functions">The path of the functions, such as <c>/api/</c>; by default the page is beside them.</param>
public sealed partial class PlaygroundResult(Func<TaskPatterns> patterns, string functions = "") : IResult
{
    private readonly Lazy<Page> _page = new(() => Page.Read(functions, patterns().Names));

    /// <inheritdoc/>
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var page = _page.Value;
        var headers = httpContext.Response.Headers;
        headers.CacheControl = "no-cache";
        headers.ContentSecurityPolicy = page.Policy;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";

        // Returns 304 by the entity tag.
        await Results.Bytes(page.Bytes, "text/html; charset=utf-8", entityTag: page.Tag).ExecuteAsync(httpContext);
    }

    /// <summary>The page, and its headers.</summary>
    /// <param name="Bytes">HTML in UTF-8.</param>
    /// <param name="Tag">Changes with the page.</param>
    /// <param name="Policy">Allows the page's own scripts and style, and nothing else.</param>
    private sealed record Page(byte[] Bytes, EntityTagHeaderValue Tag, string Policy)
    {
        public static Page Read(string functions, IEnumerable<string> patterns)
        {
            var scripts = new List<string>();
            var styles = new List<string>();
            var template = Source("playground.html")
                .Replace("{functions}", functions, StringComparison.Ordinal)
                .Replace("{task-patterns}", string.Join(' ', patterns), StringComparison.Ordinal)
                .Replace("{repository}", Repository(), StringComparison.Ordinal);
            var html = Sources().Replace(template, match =>
            {
                var isScript = match.Groups["script"].Success;
                var text = "\n" + Source((isScript ? match.Groups["script"] : match.Groups["style"]).Value);
                (isScript ? scripts : styles).Add($"'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}'");
                return isScript ? $"<script>{text}</script>" : $"<style>{text}</style>";
            });

            var bytes = Encoding.UTF8.GetBytes(html);
            return new Page(
                bytes,
                new EntityTagHeaderValue($"\"{Convert.ToHexStringLower(SHA256.HashData(bytes).AsSpan(0, 16))}\""),
                $"default-src 'none'; script-src {string.Join(' ', scripts)}; style-src {string.Join(' ', styles)}; "
                    + "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
                    + "require-trusted-types-for 'script'");
        }

        /// <summary>Returns the address of the repository, such as <c>https://github.com/owner/name</c>, or an empty string.</summary>
        private static string Repository()
        {
            var address = typeof(PlaygroundResult).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
                .FirstOrDefault(static one => string.Equals(one.Key, "RepositoryUrl", StringComparison.Ordinal));
            return Uri.TryCreate(address?.Value, UriKind.Absolute, out var uri) && uri.Scheme is "https" or "http"
                ? RepositoryEnd().Replace(uri.AbsoluteUri, "")
                : "";
        }

        /// <summary>
        /// Reads a source, with the line ends that a browser uses when it hashes. Indentation and comments, a sixth of the page,
        /// are removed: only readers of the sources need them.
        /// </summary>
        private static string Source(string name)
        {
            using var reader =
                new StreamReader(typeof(PlaygroundResult).Assembly.GetManifestResourceStream($"playground/{name}")!, Encoding.UTF8);
            var lines = reader.ReadToEnd().Split('\n').Select(static line => line.Trim());
            return string.Concat(lines.Where(static line => !Comment().IsMatch(line)).Select(static line => line + "\n"));
        }
    }

    [GeneratedRegex(
        """<script src="(?<script>[^"]+)"></script>|<link rel="stylesheet" href="(?<style>[^"]+)">""", RegexOptions.ExplicitCapture, 1_000)]
    private static partial Regex Sources();

    [GeneratedRegex(@"^(//|/\*.*\*/$)", RegexOptions.ExplicitCapture, 1_000)]
    private static partial Regex Comment();

    [GeneratedRegex(@"(\.git)?/?$", RegexOptions.ExplicitCapture, 1_000)]
    private static partial Regex RepositoryEnd();
}
