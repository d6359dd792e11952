using System.Collections.Concurrent;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using FunctionsApp.Core.Operations;

namespace Team.Operations;

/// <summary>Counts visits; one instance serves all calls.</summary>
public sealed class VisitCounter
{
    private readonly ConcurrentDictionary<string, int> _visits = new(StringComparer.Ordinal);

    /// <summary>Counts a visit, and returns how many the visitor has made.</summary>
    public int Add(string visitor) => _visits.AddOrUpdate(visitor, 1, static (_, visits) => visits + 1);
}

/// <summary>Input of <c>visits.count</c>.</summary>
public sealed record VisitsCountInput([property: Description("Who comes."), Length(1, 100)] string Visitor);

/// <summary>Counts a visit.</summary>
[Operation("visits.count", "Counts a visit, and returns how many the visitor has made.", Example = """{"visitor":"Ada"}""")]
public sealed class VisitsCountOperation(VisitCounter counter) : IOperation<VisitsCountInput, int>
{
    /// <inheritdoc/>
    public ValueTask<int> RunAsync(VisitsCountInput input, CancellationToken cancellationToken) => new(counter.Add(input.Visitor));
}
