namespace FunctionsApp.Core.Requests;

/// <summary>The task that the current work belongs to: a part of the <see cref="RequestContext"/>.</summary>
/// <param name="Id">Its id.</param>
public sealed record CurrentTask(string Id);
