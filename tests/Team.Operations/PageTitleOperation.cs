using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text;
using System.Text.RegularExpressions;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Outbound;
using FunctionsApp.Core.Problems;

namespace Team.Operations;

/// <summary>Input of <c>page.title</c>.</summary>
public sealed record PageTitleInput(
    [property: Description("The URL of an HTML page.")] Uri Url,
    [property: Description("How often a failed request is repeated."), Range(0, 10)] int MaxRetries = 2);

/// <summary>Reads the title of a page.</summary>
[Operation("page.title", "Reads the title of a page.", Example = """{"url":"https://example.com/"}""")]
public sealed partial class PageTitleOperation(OutboundClient client) : IOperation<PageTitleInput, string>
{
    /// <inheritdoc/>
    public async ValueTask<string> RunAsync(PageTitleInput input, CancellationToken cancellationToken)
    {
        var request = new OutboundRequest("GET", input.Url) { MaxRetries = input.MaxRetries, TimeoutSeconds = 10 };
        var response = await client.SendAsync(request, cancellationToken);
        response.EnsureSuccess();
        var title = Title().Match(Encoding.UTF8.GetString(response.Body.Span)).Groups["title"];
        return title.Success ? title.Value : throw new OperationException("The page has no title.");
    }

    [GeneratedRegex("<title>(?<title>[^<]*)</title>", RegexOptions.ExplicitCapture, 1_000)]
    private static partial Regex Title();
}
